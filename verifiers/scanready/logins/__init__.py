"""The only place where client libraries are imported, inside functions: one small file a library.

A login blocks; the engine runs it in a pool, under the lockout guard. It raises
:class:`scanready.explain.Failure` with the cause it recognised, and nothing of
its library's own exceptions for anything it knows.
"""
