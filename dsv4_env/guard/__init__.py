"""The doors to what strangers wrote: files, git and writing.

Everything that comes from a checkout passes here. :mod:`~dsv4_env.guard.files` opens files,
:mod:`~dsv4_env.guard.git` asks git, and :mod:`~dsv4_env.guard.writing` writes.
"""
