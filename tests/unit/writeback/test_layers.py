"""Which layer a change goes to, and what that means for other profiles."""

from __future__ import annotations

from pathlib import Path

import pytest

from dsv4_env.compare.findings import compared
from dsv4_env.model.errors import Dsv4Error
from dsv4_env.profile import layer_files as files_of, load_profile, lock, locked_all, shipped_dir
from dsv4_env.readers import bash
from dsv4_env.writeback import Refused
from dsv4_env.writeback.layers import EditedLayers, edit_layers

BASE = 'abstract = true\n[env]\nA = "1"\nB = "1"\n[args]\n--tp = "8"\n'


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "low.toml").write_text(BASE)
    (tmp_path / "mid.toml").write_text('abstract = true\nextends = ["low"]\n[env]\nM = "1"\n')
    (tmp_path / "one.toml").write_text('extends = ["mid"]\n')
    (tmp_path / "two.toml").write_text('extends = ["low"]\n[env]\nB = "2"\n')
    return tmp_path


def synced(
    folder: Path, name: str, script: str, only: str | None = None
) -> tuple[EditedLayers, list[Refused]]:
    layers = EditedLayers(name, folder, only)
    (launch,) = bash.read_all(script, "s.sh")
    refused = edit_layers(layers, launch, lambda a, b: compared(a, b))
    return layers, refused


def changed(layers: EditedLayers) -> dict[str, str]:
    return {c.path.stem: c.new.decode() for c in layers.changes()}


SCRIPT = "export A={a} B={b} M={m}\nsglang serve --tp 8"


def test_a_layer_that_no_other_profile_has_is_edited_itself(folder: Path) -> None:
    layers, _ = synced(folder, "one", SCRIPT.format(a=1, b=1, m=2))
    assert changed(layers) == {"mid": 'abstract = true\nextends = ["low"]\n[env]\nM = "2"\n'}
    assert layers.affected() == []


def test_a_shared_layer_stays_and_the_own_one_overrides_it(folder: Path) -> None:
    layers, _ = synced(folder, "one", SCRIPT.format(a=2, b=1, m=1))
    assert changed(layers) == {"one": 'extends = ["mid"]\n\n[env]\nA = "2"\n'}
    layers, _ = synced(folder, "one", "export B=1 M=1\nsglang serve")
    assert changed(layers) == {
        "one": 'extends = ["mid"]\n\n[unset]\nenv = ["A"]\nargs = ["--tp"]\n',
    }
    assert layers.affected() == []


def test_a_named_layer_is_edited_and_others_are_told(folder: Path) -> None:
    layers, refused = synced(folder, "one", SCRIPT.format(a=2, b=3, m=1), "low")
    assert refused == []
    assert changed(layers) == {"low": BASE.replace('"1"', '"2"', 1).replace('B = "1"', 'B = "3"')}
    assert layers.affected() == ["two"]  # its A; it has a B of its own


def test_a_named_layer_that_is_overridden_is_refused(folder: Path) -> None:
    layers, (refused,) = synced(folder, "two", "export A=1 B=3\nsglang serve --tp 8", "low")
    assert refused.reason == "the layer two overrides what low sets"
    assert changed(layers) == {}
    with pytest.raises(Dsv4Error, match="two isn't made of it"):
        EditedLayers("two", folder, "mid")


def test_what_was_unset_comes_back_from_below(folder: Path) -> None:
    path = folder / "one.toml"
    path.write_text('extends = ["mid"]\n\n[unset]\nenv = ["A"]\n')
    layers, _ = synced(folder, "one", SCRIPT.format(a=1, b=1, m=1))
    assert changed(layers) == {"one": 'extends = ["mid"]\n'}
    layers, _ = synced(folder, "one", SCRIPT.format(a=5, b=1, m=1))
    assert changed(layers) == {"one": 'extends = ["mid"]\n\n[env]\nA = "5"\n'}


def test_what_a_profile_cannot_hold_is_refused(folder: Path) -> None:
    launch = "python3 -m sglang.launch_server pos --tp 8 -x y"
    script = f"export A=$(x) B=1 M=1\nif t; then export N=1; fi\n{launch}"
    _, refused = synced(folder, "one", script)
    assert [r.name for r in refused] == ["A", "N", "(positional)"]
    assert [r.location.line for r in refused if r.location] == [1, 2, 3]


def test_layers_of_an_installed_package_are_not_edited(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from dsv4_env.writeback import layers as module

    layers, _ = synced(folder, "pro-fp4", "export SGLANG_USE_AITER=7\nsglang serve")
    monkeypatch.setattr(module, "is_installed", lambda path: True)
    with pytest.raises(Dsv4Error, match="comes with the package") as caught:
        layers.changes()
    assert "--profiles DIR" in str(caught.value)
    monkeypatch.setattr(module, "is_installed", lambda path: False)
    assert [c.path for c in layers.changes()] == [shipped_dir() / "pro-fp4.toml"]


def test_locks_that_hold_are_told_and_made_anew(folder: Path) -> None:
    from dsv4_env.writeback.layers import relock

    path = lock.lock_path(folder)
    files = files_of(folder)
    path.write_text(lock.dump_lock(locked_all(files), files))
    layers, _ = synced(folder, "one", SCRIPT.format(a=2, b=1, m=1))
    assert path in layers.locks()
    for change in layers.changes():
        change.path.write_bytes(change.new)
    assert path not in EditedLayers("one", folder).locks()
    path.write_bytes(relock(path).new)
    assert path in EditedLayers("one", folder).locks()
    assert load_profile("one", folder).env["A"] == "2"


BLOCKS = """\
extends = ["low"]
[env]
C = "table"
[args]
--cuda-graph-max-bs = "64"
[[when]] # why
hardware = "mi355x"
env.C = "1" # kept
[when.unset]
env = ["B"]
[[when]]
hardware = "mi300x"
env.C = "other"
"""


@pytest.fixture
def blocks(folder: Path) -> Path:
    targets = 'targets = [{ hardware = ["mi355x", "mi300x"] }]\n'
    when = 'when = [{ nodes = 1, env = { I = "1" } }]\n'
    (folder / "low.toml").write_text(targets + when + BASE)
    (folder / "two.toml").unlink()
    (folder / "mid.toml").unlink()
    (folder / "one.toml").write_text(BLOCKS)
    return folder


def test_the_block_that_counts_is_edited(blocks: Path) -> None:
    script = "export A=1 I=2 C=2 B=3\nsglang serve --tp 8 --cuda-graph-max-bs-decode 32"
    layers, refused = synced(blocks, "one", script)
    assert refused == []
    old = BLOCKS.replace('"64"', '"32"')  # under the name that the layer has for it
    old = old.replace('env.C = "1" # kept\n', 'env.C = "2" # kept\nenv.B = "3"\n')
    old = old.replace('[when.unset]\nenv = ["B"]\n', "")
    low = (blocks / "low.toml").read_text().replace('I = "1"', 'I = "2"')
    assert changed(layers) == {"one": old, "low": low}
    profile = layers.profile()
    assert (profile.env["C"], profile.env["B"], profile.env["I"]) == ("2", "3", "2")


def test_a_block_unsets_what_its_layer_or_a_lower_one_sets(blocks: Path) -> None:
    script = "export A=1 I=1\nsglang serve --tp 8 --cuda-graph-max-bs-decode 64"
    layers, refused = synced(blocks, "one", script)
    assert refused == []
    text = changed(layers)["one"]
    assert 'C = "table"' in text
    assert '[when.unset]\nenv = ["B", "C"]' in text
    assert "C" not in layers.profile().env


def test_another_target_is_edited_in_its_own_block(blocks: Path) -> None:
    profile = load_profile("one", blocks, on="mi300x")
    layers = EditedLayers("one", blocks, None, profile.target, profile.sglang)
    script = "export A=1 B=1 I=1 C=9\nsglang serve --tp 8 --cuda-graph-max-bs-decode 64"
    (launch,) = bash.read_all(script, "s.sh")
    assert edit_layers(layers, launch, lambda a, b: compared(a, b)) == []
    assert changed(layers) == {"one": BLOCKS.replace('"other"', '"9"')}


def test_two_blocks_that_say_the_same_are_left_with_the_reason(blocks: Path) -> None:
    path = blocks / "one.toml"
    path.write_text(BLOCKS + '[[when]]\nnodes = 1\nenv.C = "1"\n[[when]]\nnodes = 2\nenv.C = "3"\n')
    text = path.read_text().replace('[[when]]\nhardware = "mi300x"\nenv.C = "other"\n', "")
    path.write_text(text)
    script = "export A=1 I=1 C=2\nsglang serve --tp 8 --cuda-graph-max-bs-decode 64"
    layers, (refused,) = synced(blocks, "one", script)
    assert refused.name == "C"
    assert refused.reason.startswith("layer one says two things of C for mi355x")
    assert changed(layers) == {}


def test_layers_that_an_overlay_lies_on(blocks: Path) -> None:
    (blocks / "fast.toml").write_text('overlay = true\n[env]\nA = "7"\n')
    profile = load_profile("one+fast", blocks)
    layers = EditedLayers(profile.name, blocks, None, profile.target, profile.sglang)
    script = "export A=8 I=1 C=5\nsglang serve --tp 8 --cuda-graph-max-bs-decode 64"
    (launch,) = bash.read_all(script, "s.sh")
    assert edit_layers(layers, launch, lambda a, b: compared(a, b)) == []
    assert changed(layers) == {
        "fast": 'overlay = true\n[env]\nA = "8"\n',
        "one": BLOCKS.replace('env.C = "1"', 'env.C = "5"'),
    }
