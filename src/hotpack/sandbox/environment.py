"""The environment variables of a sandbox, as Lambda sets them."""

from hotpack.sandbox.enclosure import Enclosure
from hotpack.sandbox.function import Function, Settings
from hotpack.target.environment import TASK_ROOT


def lambda_environment(
    function: Function,
    settings: Settings,
    enclosure: Enclosure,
    *,
    runtime_api: str,
    log_stream: str,
) -> dict[str, str]:
    """Return all variables that the runtime is started with.

    `runtime_api` is HOST:PORT. AWS_LAMBDA_MAX_CONCURRENCY is left unset: it would switch
    awslambdaric to a forked mode. The user's variables go over those that Lambda does not
    reserve (PATH, PYTHONPATH, TZ …), the settings' over all. What they name in /var/task is named
    where it is here.
    """
    task, opt, runtime = enclosure.task_root, enclosure.opt, enclosure.runtime_dir
    python = enclosure.python_prefix
    libraries = (
        *(f"{python}/lib", "/lib64", "/usr/lib64", runtime, f"{runtime}/lib"),
        *(task, f"{task}/lib", f"{opt}/lib"),
    )
    variables = {
        "AWS_ACCESS_KEY_ID": "local",
        "AWS_DEFAULT_REGION": settings.region,
        "AWS_EXECUTION_ENV": f"AWS_Lambda_{function.runtime.name}",
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(function.memory_mb),
        "AWS_LAMBDA_FUNCTION_NAME": function.name,
        "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
        "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
        "AWS_LAMBDA_LOG_GROUP_NAME": f"/aws/lambda/{function.name}",
        "AWS_LAMBDA_LOG_STREAM_NAME": log_stream,
        "AWS_LAMBDA_RUNTIME_API": runtime_api,
        "AWS_REGION": settings.region,
        "AWS_SECRET_ACCESS_KEY": "local",
        "AWS_SESSION_TOKEN": "local",
        "LAMBDA_RUNTIME_DIR": runtime,
        "LAMBDA_TASK_ROOT": task,
        "LANG": "en_US.UTF-8",
        "LD_LIBRARY_PATH": ":".join(libraries),
        "PATH": f"{python}/bin:/usr/local/bin:/usr/bin/:/bin:{opt}/bin",
        "PYTHONPATH": runtime,
        "TZ": enclosure.timezone,
        "_HANDLER": function.handler,
    }
    if function.log_format == "JSON":
        # The one that awslambdaric looks at; for text, Lambda sets none of the two.
        variables["AWS_LAMBDA_LOG_FORMAT"] = "JSON"
        variables["AWS_LAMBDA_LOG_LEVEL"] = "INFO"
    if enclosure.temporary is not None:
        variables["TMPDIR"] = enclosure.temporary
    own = {name: _below(task, value) for name, value in function.environment.items()}
    return {**variables, **own, **settings.environment}


def _below(task: str, value: str) -> str:
    inside = value.startswith(f"{TASK_ROOT}/")
    return task + value.removeprefix(TASK_ROOT) if inside else value
