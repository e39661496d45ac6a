"""The doors to what strangers wrote: files, git, and how much work one input may cause.

Everything that comes from a checkout passes here. :mod:`~dsv4_env.guard.files` opens files,
:mod:`~dsv4_env.guard.git` asks git, :mod:`~dsv4_env.guard.writing` writes, and a
:class:`~dsv4_env.model.budget.Budget` bounds what reading costs.
"""
