"""The language server: what the commands say of a file, in an editor while it's being written.

:mod:`~dsv4_env.lsp.server` talks to the editor; all else are functions of a text, a place in it
and the project around it. Nothing of what is read runs, and nothing is written: the editor does.
"""
