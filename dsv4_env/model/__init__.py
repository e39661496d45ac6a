"""The words of the field: launches and their settings, places, values and what can't be known."""

from dsv4_env.model.launch import (
    ENV_NAME as ENV_NAME,
    FROM_ENVIRONMENT as FROM_ENVIRONMENT,
    EnvVar as EnvVar,
    LaunchConfig as LaunchConfig,
    Location as Location,
    Note as Note,
    Origin as Origin,
    Outside as Outside,
    RequiredInput as RequiredInput,
    ServerArg as ServerArg,
    Unknown as Unknown,
    Value as Value,
    group_args as group_args,
    is_flag as is_flag,
    is_installed as is_installed,
    mark_superseded as mark_superseded,
    outside as outside,
    shipped_dir as shipped_dir,
    shown_path as shown_path,
    text_of as text_of,
)
