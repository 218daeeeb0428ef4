"""Publish a checkpoint, the app or a page that writes by itself: `python -m training.publish DIR user/name`."""

import argparse
import re
import sys
from pathlib import Path

import httpx2  # the Hub client's own HTTP library
from huggingface_hub import CommitOperationAdd, CommitOperationDelete, HfApi, SpaceCardData, get_token
from huggingface_hub.errors import (
    HfHubHTTPError,
    HFValidationError,
    OfflineModeIsEnabled,
    OIDCError,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)
from huggingface_hub.utils import validate_repo_id  # type: ignore[attr-defined]

from model import checkpoint as checkpoints
from model import hub
from model.about import title
from model.checkpoint import CARD, COPIES, FILES, LARGEST
from model.offline.page import offline_page
from training.card import card

ROOT = Path(__file__).parent.parent
CODE = ("interface", "model", "training")  # what app.py imports
SUFFIXES = (".py", ".js", ".css", ".html", ".txt", ".wat", ".wasm")
VARIABLE = "CHECKPOINTS"  # of a Space: which models app.py serves
# The errors of publishing, which `trouble` explains.
REFUSALS = (ValueError, RuntimeError, OIDCError, httpx2.HTTPError, OSError)


def parse(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m training.publish",
        usage="%(prog)s DIR user/name [options]\n       %(prog)s DIR --page FILE [--license ID]\n"
        "       %(prog)s --space user/name [--models user/a user/b] [options]\n"
        "       %(prog)s DIR --space user/name --static [options]",
        description="Publish a checkpoint on the Hugging Face Hub, or the app as a Space there, or make an HTML file "
        "that holds the checkpoint and writes by itself, as a file or as a static Space.",
    )
    parser.add_argument("directory", nargs="?", type=Path, metavar="DIR", help="the checkpoint, or its zip")
    parser.add_argument("name", nargs="?", metavar="user/name", help="its name on the Hub; made if it is new")
    parser.add_argument("--private", action="store_true", help="only its owner may see it")
    parser.add_argument("--revision", metavar="BRANCH", help="publish to this branch; made if it is new")
    parser.add_argument("--create-pr", action="store_true", help="propose it as a pull request")
    parser.add_argument("--license", metavar="ID", help="the license, as the Hub spells it: mit, cc0-1.0")
    parser.add_argument(
        "--language", metavar="CODE", help="the language of its text, such as en (default: as it was recognized)"
    )
    parser.add_argument("--dry-run", action="store_true", help="show what would be sent, and send nothing")
    parser.add_argument("--space", metavar="user/name", help="publish the app as this Space")
    parser.add_argument(
        "--static", action="store_true", help="publish DIR as a Space of one HTML file that writes by itself"
    )
    parser.add_argument("--page", type=Path, metavar="FILE", help="write that HTML file here, and publish nothing")
    parser.add_argument("--models", nargs="+", default=[], metavar="user/name", help="models to serve, not assets/")
    options = parser.parse_args(arguments)
    given = {option for option, value in vars(options).items() if value}
    if options.page:
        if not options.directory or given - {"directory", "page", "license"}:
            parser.error("--page goes with DIR and --license alone")
    elif options.static:
        allowed = {"directory", "space", "static", "private", "dry_run", "license"}
        if not {"directory", "space"} <= given or given - allowed:
            parser.error("--static goes with DIR, --space, --private, --license and --dry-run alone")
    elif options.space:
        if given - {"space", "models", "private", "dry_run"}:
            parser.error("--space goes with --models, --private and --dry-run alone, or with DIR and --static")
    elif options.models or not options.name:
        parser.error("give DIR and user/name, DIR and --page FILE, or --space user/name")
    options.name = options.space or options.name
    return options


# ---- what is sent ----------------------------------------------------------------------------------------------------


def check_name(name: str) -> None:
    """Raise ValueError unless `name` is a possible name on the Hub, with its owner: user/name."""
    try:
        validate_repo_id(name)
        if "/" not in name:
            raise HFValidationError
    except HFValidationError as error:
        raise ValueError(
            f"{name!r} is not a name on the Hub: give user/name, with letters, digits, and single - _ . between them"
        ) from error


def checkpoint_files(directory: Path, name: str, licence: str | None, language: str | None) -> dict[str, bytes]:
    """The files of a checkpoint, with a card made from its record; ValueError if it is damaged or has no record."""
    with hub.unpacked(directory) as place:
        model = checkpoints.load(place)
        own = [place / file for file in FILES if file != CARD]
        files = {path.name: path.read_bytes() for path in own if path.exists()}
    size = sum(map(len, files.values()))
    if size > LARGEST:
        raise ValueError(
            f"{directory} takes {size / 1e6:,.0f} MB, but at most {LARGEST / 1e6:,.0f} MB are loaded by name"
        )
    licence = licence or model.licence or None
    try:
        return files | {CARD: card(model.training, name, licence, language, copies=COPIES in files).encode()}
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(
            f"the record of {directory} does not say how it was trained: publish one that python -m training.train made"
        ) from error


def space_files(models: list[str]) -> dict[str, bytes]:
    """The files of a Space that runs the app; the checkpoints of assets/ are among them unless `models` are given."""
    paths = [ROOT / file for file in ("LICENSE", "app.py", "requirements.txt")]
    paths += [path for package in CODE for path in (ROOT / package).rglob("*") if path.suffix in SUFFIXES]
    if not models:
        own = [config.parent / file for config in (ROOT / "assets").glob("*/config.json") for file in FILES]
        paths += [path for path in own if path.exists()]
    files = {path.relative_to(ROOT).as_posix(): path.read_bytes() for path in sorted(paths)}
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    if models:
        header = "models:\n" + "".join(f"- {model.split('@')[0]}\n" for model in models)
        readme = readme.replace("\n---\n", f"\n{header}---\n", 1)
    readme = re.sub(r"!\[[^\]]*\]\(assets/[^)]*\)\n\n", "", readme)  # pictures stay here
    return files | {"README.md": readme.encode()}


def static_space_files(directory: Path, licence: str | None) -> dict[str, bytes]:
    """The files of a static Space: the offline page of a checkpoint, and a README.md with metadata for the Hub."""
    model = hub.load(directory)
    licence = licence or model.licence
    data = SpaceCardData(title=title(model)[0], sdk="static", app_file="index.html", license=licence or None)
    readme = f"---\n{data.to_yaml()}\n---\n\nA small LSTM writes on this page, in the browser of whoever opens it.\n"
    return {"index.html": offline_page(model, licence), "README.md": readme.encode()}


# ---- sending it ------------------------------------------------------------------------------------------------------


def publish_checkpoint(directory: Path, name: str, token: str, private: bool) -> str:
    """Publish a checkpoint as the command does, for the owner of `token`; returns the address. Raises `REFUSALS`."""
    check_name(name)
    files = checkpoint_files(directory, name, None, None)
    return publish(name, files, parse([str(directory), name, *["--private"] * private]), token)


def publish(name: str, files: dict[str, bytes], options: argparse.Namespace, token: str) -> str:
    """Put `files` in the repository in one commit; the repository is made if it is new. Returns the address."""
    api = HfApi(token=token)
    kind = "space" if options.space else "model"
    revision = options.revision
    made = api.create_repo(
        name,
        repo_type=kind,
        private=options.private or None,  # None: the default of the owner
        exist_ok=True,
        space_sdk=("static" if options.static else "gradio") if options.space else None,
    )
    if options.private and not api.repo_info(name, repo_type=kind).private:
        raise ValueError(f"{name} exists already and is public: make it private in its settings on the Hub first")
    if revision and not options.create_pr and not api.revision_exists(name, revision, repo_type=kind):
        api.create_branch(name, branch=revision, repo_type=kind)
    changes: list[CommitOperationAdd | CommitOperationDelete] = [
        CommitOperationAdd(file, content) for file, content in files.items()
    ]
    if not options.space and COPIES not in files:  # an earlier checkpoint's file does not belong to this one
        changes += [CommitOperationDelete(COPIES)] * (COPIES in api.list_repo_files(name, revision=revision))
    commit = api.create_commit(
        name,
        changes,
        commit_message=f"Publish {'a page' if options.static else 'the app' if options.space else 'a checkpoint'}",
        repo_type=kind,
        revision=revision,
        create_pr=options.create_pr,
    )
    if options.models:
        api.add_space_variable(name, VARIABLE, ",".join(options.models))
    elif options.space and not options.static and VARIABLE in api.get_space_variables(name):
        api.delete_space_variable(name, VARIABLE)
    return commit.pr_url or (f"{made}/tree/{revision}" if revision else str(made))


def trouble(error: BaseException, name: str) -> str:
    """Why the Hub could not be reached or refused, and what to do, in one sentence."""
    if isinstance(error, RuntimeError) and error.__cause__:  # the client wraps the errors of large files
        error = error.__cause__
    forbidden = (
        f"the login may not write to {name}: give a name of your own, propose it with --create-pr, "
        "or log in with a token that may write"
    )
    if isinstance(error, HfHubHTTPError):
        said = " ".join((error.server_message or "").split())
        status = error.response.status_code
        if status == 401:  # which the client reports as a missing repository
            return hub.trouble(error)
        if status == 403:
            return forbidden
        if status == 429:
            return "the Hub received too many requests: wait some minutes"
        if isinstance(error, RevisionNotFoundError):
            return f"{name} has no such branch: give another --revision"
        if isinstance(error, RepositoryNotFoundError) or status == 404:
            return f"the Hub does not find {name}: check the name, and that the login may see it"
        if status < 500:
            return f"the Hub refuses it with status {status}{said and f' ({said})'}: see its page on the Hub"
        return hub.trouble(error)
    if isinstance(error, OfflineModeIsEnabled):
        return "HF_HUB_OFFLINE forbids the network: unset it"
    if isinstance(error, PermissionError):
        return forbidden
    if isinstance(error, httpx2.HTTPError | OSError):
        return hub.trouble(error)
    return " ".join(str(error).split())


def write_page(directory: Path, file: Path, licence: str | None) -> int:
    """Write the offline page of a checkpoint; returns the exit status."""
    try:
        page = offline_page(hub.load(directory), licence)
        file.write_bytes(page)
    except (ValueError, OSError) as error:
        print(f"training.publish: {error}", file=sys.stderr)
        return 2
    print(f"{file} ({len(page) / 1e6:.1f} MB) writes by itself: open it in a browser")
    return 0


def main(arguments: list[str]) -> int:
    options = parse(arguments)
    if options.page:
        return write_page(options.directory, options.page, options.license)
    name: str = options.name
    try:
        for given in (name, *(model.split("@")[0] for model in options.models)):
            check_name(given)
        if options.static:
            files = static_space_files(options.directory, options.license)
        elif options.space:
            files = space_files(options.models)
        else:
            files = checkpoint_files(options.directory, name, options.license, options.language)
    except (ValueError, OSError) as error:
        print(f"training.publish: {error}", file=sys.stderr)
        return 2
    if options.dry_run:
        if not options.space:
            print(files[CARD].decode())
        for file, content in files.items():
            print(f"{len(content):>12,}  {file}")
        print(f"{sum(map(len, files.values())):>12,}  bytes for {name}; nothing was sent")
        return 0
    try:
        token = get_token()
        if not token:
            raise ValueError("there is no login for the Hub here: log in with: hf auth login")
        print(publish(name, files, options, token))
    except REFUSALS as error:
        print(f"training.publish: {trouble(error, name)}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("\nStopped: nothing on the Hub has changed, unless all was sent before.", file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
