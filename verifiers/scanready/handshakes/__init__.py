"""Handshakes that several target types share, so that a port they meet on is contacted once.

``unix`` and ``ssh`` share one SSH talk, ``imap`` and ``imaps`` one IMAP talk,
``http`` and ``https`` one HTTP talk. A target type of its own protocol has its
handshake in its own file.
"""
