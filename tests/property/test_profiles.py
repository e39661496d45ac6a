"""Random layers: what pydantic-settings merges is what the origins say, and the lock agrees."""

from __future__ import annotations

import tempfile
from pathlib import Path

import tomli_w
from hypothesis import given, settings, strategies as st

from dsv4_env.profile import layer_files, lock, locked_all, resolve_all
from dsv4_env.profile.layer import spelled_setting

NAMES = st.sampled_from(["A", "B_1", "_c", "SGLANG_X"])
FLAGS = st.sampled_from(["--a", "--b-c", "-d"])
TEXT = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=8)
ARG = st.one_of(st.just(True), TEXT, st.lists(TEXT, min_size=1, max_size=3))
LAYER = st.fixed_dictionaries(
    {"env": st.dictionaries(NAMES, TEXT), "args": st.dictionaries(FLAGS, ARG)}
)


@given(layers=st.lists(LAYER, min_size=1, max_size=4), unset=st.sets(NAMES))
@settings(max_examples=60, deadline=None)
def test_merge_origins_and_lock_agree(
    layers: list[dict[str, dict[str, object]]], unset: set[str]
) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        below: set[str] = set()
        for index, layer in enumerate(layers):
            data: dict[str, object] = dict(layer)
            if index:
                data["extends"] = [f"zz-layer{index - 1}"]
                gone = sorted((unset & below) - set(layer["env"]))
                data["unset"] = {"env": gone}
                below -= set(gone)
            below |= set(layer["env"])
            (folder / f"zz-layer{index}.toml").write_text(tomli_w.dumps(data))
        files = layer_files(folder)
        profiles = resolve_all(files)
        top = profiles[f"zz-layer{len(layers) - 1}"]
        assert {e.name: e.value for e in top.config.env} == {
            e.name: e.origin.value for e in top.config.env
        }
        assert set(top.env) == below
        for arg in top.config.args or ():
            assert arg.origin.value == spelled_setting([list(map(str, arg.values))])
        path = lock.lock_path(folder)
        path.write_text(lock.dump_lock(locked_all(files), files))
        locked = lock.read_lock(path, files)
        assert locked is not None
        assert locked.usual() == profiles
