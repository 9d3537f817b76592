#!/usr/bin/env python3
"""Validates examples/deploy/compose.yaml and kubernetes.yaml against the schemas of the compose specification and of Kubernetes.

The schemas come with two packages of PyPI, check-jsonschema and kubernetes-validate, so nothing is fetched. That the check can
fail is tried on each run: every key is misspelt in turn, and each of these files must be refused. Neither Docker nor
Kubernetes reads the files here.
"""

import copy
import json
import sys
from importlib import resources
from pathlib import Path

import jsonschema
import kubernetes_validate
import yaml

EXAMPLES = Path(__file__).resolve().parents[2] / "examples" / "deploy"
# The first Kubernetes that the example names, in which a sidecar container is no longer an experiment.
OLDEST = "1.29"
# Maps whose keys are names of one's own.
NAMES = {"services", "secrets", "environment", "labels", "matchLabels", "metadata.labels"}


def compose():
    text = resources.files("check_jsonschema").joinpath("builtin_schemas/vendor/compose-spec.json").read_text()
    validator = jsonschema.validators.validator_for(json.loads(text))(json.loads(text))

    def errors(document):
        return [f"{error.json_path}: {error.message}" for error in validator.iter_errors(document)]

    return errors


def kubernetes(version):
    def errors(document):
        if not {"apiVersion", "kind"} <= document.keys():
            return ["no apiVersion or no kind, by which the schema is found"]
        try:
            kubernetes_validate.validate(document, version, strict=True)
        except kubernetes_validate.ValidationError as error:
            return [f"{list(error.path)}: {error.message}"]
        except kubernetes_validate.SchemaNotFoundError as error:
            return [str(error)]
        return []

    return errors


def misspelt(document):
    """(path, copy of the document) for every key that has a meaning, with that key misspelt."""

    def walk(node, path):
        children = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else []
        for key, value in children:
            if isinstance(node, dict) and not (path and path[-1] in NAMES):
                changed = copy.deepcopy(document)
                place = changed
                for step in path:
                    place = place[step]
                place[f"{key}x"] = place.pop(key)
                yield [*path, key], changed
            yield from walk(value, [*path, key])

    return walk(document, [])


def check(name, errors, against):
    document = yaml.safe_load((EXAMPLES / name).read_text())
    for error in errors(document):
        sys.exit(f"manifests: {name}, {against}: {error}")
    tried = 0
    for path, changed in misspelt(document):
        if not errors(changed):
            sys.exit(f"manifests: {name} with {'.'.join(map(str, path))} misspelt passes {against}")
        tried += 1
    print(f"manifests: {name} fits {against}; {tried} misspelt keys are refused")


newest = kubernetes_validate.latest_version()
check("compose.yaml", compose(), "the compose specification")
for version in (OLDEST, newest):
    check("kubernetes.yaml", kubernetes(version), f"Kubernetes {version}")
