"""The doors to what strangers wrote: files, git, servers, writing and the user's cache.

Everything that comes from a checkout passes here. :mod:`~dsv4_env.guard.files` opens files,
:mod:`~dsv4_env.guard.git` asks git, :mod:`~dsv4_env.guard.web` asks a server that the user names,
:mod:`~dsv4_env.guard.writing` writes, and
:mod:`~dsv4_env.guard.cache` keeps what was found out.
"""
