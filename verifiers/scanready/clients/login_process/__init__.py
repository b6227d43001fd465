"""Logins in processes that can be ended.

A client library believes its server: with the length of an answer, with the next host, with a count to loop over. None
of that is to cost this process memory, threads or time, or send a credential elsewhere. So a login runs in a process
that is forked for it, with bounds on time and memory. The parent resolves names and opens connections for it, and
takes its answer apart by the types that are expected.
"""
