"""Write-back: a script or a test edited until it says what the profile says, or a layer the script.

Nothing is trusted but the reader: an edit is a proposal, the edited text is read again, and only
what changes the one setting that it is for, and nothing else, is kept.
"""

from dsv4_env.writeback.edits import SETTLED, Differ, EditJob, Outcome, Refused, edit_text

__all__ = ["SETTLED", "Differ", "EditJob", "Outcome", "Refused", "edit_text"]
