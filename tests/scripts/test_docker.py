"""Images, compose file and manifests: what they promise of isolation, and that each part finds the others.

The manifests are compared with KubeRay's own schema where `KUBERAY_ROOT` names a checkout of it, and with those of Kubernetes where
kubernetes-validate is installed, which holds them. What the Dockerfiles install is proven by running their step in a clean environment.
"""

import os
import re
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import jsonschema
import pytest
import yaml

ROOT = Path(__file__).parents[2]
DOCKER = ROOT / "docker"
ROLES = ("trainer", "rm", "sandbox")


def dockerfile(role: str) -> str:
    return (DOCKER / role / "Dockerfile").read_text()


def manifests(name: str) -> dict[tuple[str, str], dict]:
    documents = yaml.safe_load_all((DOCKER / "kubernetes" / name).read_text())
    return {(document["kind"], document["metadata"]["name"]): document for document in documents}


@pytest.mark.parametrize("role", ROLES)
def test_an_image_is_pinned_and_installs_through_the_one_script(role):
    text = dockerfile(role)
    base = re.search(r"^FROM (\S+)$", text, re.MULTILINE)[1]
    variable = re.search(r"\$\{(\w+)\}", base)
    tag = re.search(rf"^ARG {variable[1]}=(\S+)$", text, re.MULTILINE)[1] if variable else base.partition(":")[2]
    assert re.search(r"\d", tag)
    assert tag != "latest"
    assert f"docker/install.sh {role}" in text
    assert "pip install" not in text


def test_the_sandbox_has_no_privileges_and_no_way_out():
    text = dockerfile("sandbox")
    assert re.search(r"^USER 10001$", text, re.MULTILINE)
    assert '"--require", "confined"' in text
    compose = yaml.safe_load((DOCKER / "compose.yaml").read_text())
    sandbox = compose["services"]["sandbox"]
    assert sandbox["networks"] == ["inside"]
    assert compose["networks"]["inside"] == {"internal": True}
    assert (sandbox["read_only"], sandbox["cap_drop"], "privileged" in sandbox) == (True, ["ALL"], False)
    pod = manifests("services.yaml")[("Deployment", "code-reward-sandbox")]["spec"]["template"]["spec"]
    security = pod["containers"][0]["securityContext"]
    assert security["runAsNonRoot"]
    assert security["allowPrivilegeEscalation"] is False
    assert security["capabilities"] == {"drop": ["ALL"]}
    assert manifests("services.yaml")[("NetworkPolicy", "code-reward-sandbox")]["spec"]["egress"] == []


def test_the_trainer_waits_for_the_others_and_asks_them_where_they_listen():
    services = yaml.safe_load((DOCKER / "compose.yaml").read_text())["services"]
    trainer = services["trainer"]
    assert {name: need["condition"] for name, need in trainer["depends_on"].items()} == dict.fromkeys(["rm", "sandbox"], "service_healthy")
    for name, variable in (("rm", "RM_URLS"), ("sandbox", "SANDBOX_URL")):
        port = re.search(r"^EXPOSE (\d+)$", dockerfile(name), re.MULTILINE)[1]
        assert "HEALTHCHECK" in dockerfile(name)
        assert f'"--port", "{port}"' in dockerfile(name)
        assert trainer["environment"][variable] == f"http://{name}:{port}"
        assert f"http://code-reward-{name}:{port}" in (DOCKER / "kubernetes" / "rayjob.yaml").read_text()
        assert manifests("services.yaml")[("Service", f"code-reward-{name}")]["spec"]["ports"] == [{"port": int(port)}]


def composed(**environment: str) -> dict:
    """The compose file as compose reads it: `${NAME:-default}` from the environment of whoever calls it, `$$` as a dollar sign."""
    text = (DOCKER / "compose.yaml").read_text()
    value = lambda match: "$" if match[0] == "$$" else environment.get(match[1]) or match[2]  # noqa: E731
    return yaml.safe_load(re.sub(r"\$\$|\$\{(\w+):-([^}]*)\}", value, text))


def test_the_environment_names_the_folders_and_the_run_of_the_compose_file():
    run = composed()["services"]["trainer"]["command"][-1].split()
    assert run == ["exec", "/opt/code-reward/scripts/run_qwen3_4b_thinking.sh", "rm"]
    assert (ROOT / run[1].removeprefix("/opt/code-reward/")).exists()
    services = composed(LAUNCHER="run_glm4_9b.sh", REWARD="tests", CHECKPOINTS="/c", DATA="/d", RUNS="/r")["services"]
    assert services["trainer"]["command"][-1] == "exec /opt/code-reward/scripts/run_glm4_9b.sh tests"
    assert [volume.partition(":")[0] for volume in services["trainer"]["volumes"]] == ["/c", "/d", "/r"]
    assert services["rm"]["volumes"] == ["/c:/checkpoints:ro"]


def test_no_gpu_of_the_compose_file_is_given_twice():
    services = yaml.safe_load((DOCKER / "compose.yaml").read_text())["services"]
    devices = [
        service["deploy"]["resources"]["reservations"]["devices"][0]["device_ids"] for service in services.values() if "deploy" in service
    ]
    given = [number for numbers in devices for number in numbers]
    assert sorted(given) == [str(number) for number in range(8)]
    assert int(services["trainer"]["environment"]["NUM_GPUS"]) == len(devices[1])


def test_the_job_runs_a_launcher_on_the_nodes_that_it_asks_for():
    spec = manifests("rayjob.yaml")[("RayJob", "code-reward")]["spec"]
    script, reward = spec["entrypoint"].split()
    assert (ROOT / script.removeprefix("/opt/code-reward/")).exists()
    assert reward in ("rm", "tests", "hybrid")
    variables = yaml.safe_load(spec["runtimeEnvYAML"])["env_vars"]
    [workers] = spec["rayClusterSpec"]["workerGroupSpecs"]
    assert int(variables["NODES"]) == 1 + workers["replicas"]
    assert (
        variables["NUM_GPUS"]
        == workers["rayStartParams"]["num-gpus"]
        == spec["rayClusterSpec"]["headGroupSpec"]["rayStartParams"]["num-gpus"]
    )


def test_the_manifest_is_what_kuberays_schema_wants():
    """Its schema holds that of pods, so containers, probes and volumes are checked too; properties it does not know are errors."""
    root = os.environ.get("KUBERAY_ROOT")
    if root is None:
        pytest.skip("set KUBERAY_ROOT to a checkout of KubeRay to compare the manifest with its schema")
    text = (Path(root) / "ray-operator/config/crd/bases/ray.io_rayjobs.yaml").read_text()
    definition = yaml.load(text, Loader=yaml.CSafeLoader)  # The file has 25,000 lines.
    [schema] = [one["schema"]["openAPIV3Schema"] for one in definition["spec"]["versions"] if one["name"] == "v1"]
    manifest = manifests("rayjob.yaml")[("RayJob", "code-reward")]
    validator = jsonschema.Draft7Validator(strict(schema))
    assert [error.message for error in validator.iter_errors(manifest)] == []
    manifest["spec"]["rayClusterSpec"]["headGroupSpec"]["template"]["spec"]["container"] = []
    assert [error.message for error in validator.iter_errors(manifest)] != [], "a misspelled property is seen"


def test_services_and_pods_are_what_kubernetes_schemas_want():
    kubernetes = pytest.importorskip(
        "kubernetes_validate", reason="pip install kubernetes-validate to compare the manifests with its schemas"
    )
    job = manifests("rayjob.yaml")[("RayJob", "code-reward")]["spec"]["rayClusterSpec"]
    templates = [group["template"] for group in (job["headGroupSpec"], *job["workerGroupSpecs"])]
    pods = [{"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "ray"}, **template} for template in templates]
    for manifest in (*manifests("services.yaml").values(), *pods):
        kubernetes.validate(manifest, kubernetes.latest_version(), strict=True)
    pods[0]["spec"]["container"] = []
    with pytest.raises(kubernetes.ValidationError):
        kubernetes.validate(pods[0], kubernetes.latest_version(), strict=True)


def strict(schema):
    """The schema as the API server reads it: other properties are refused, and its own keywords are JSON Schema's."""
    if not isinstance(schema, dict):
        return schema
    done = {
        key: strict(value) if key not in ("properties",) else {name: strict(one) for name, one in value.items()}
        for key, value in schema.items()
    }
    if "properties" in done and not done.get("x-kubernetes-preserve-unknown-fields") and done["properties"].keys() != {"metadata"}:
        done.setdefault("additionalProperties", False)
    if done.pop("x-kubernetes-int-or-string", False):
        return {"type": ["integer", "string"]}
    return done


# What the Dockerfiles install


def absent(tmp_path: Path, *lines: str, extra: str = "") -> subprocess.CompletedProcess[str]:
    (tmp_path / "constraints.txt").write_text("\n".join(lines))
    command = [sys.executable, str(DOCKER / "absent.py"), str(tmp_path / "constraints.txt"), extra]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_what_is_there_stays_whatever_its_version(tmp_path):
    done = absent(tmp_path, "numpy==0.0.1")
    assert (done.returncode, done.stdout.strip()) == (0, "")
    assert version("numpy") != "0.0.1"


@pytest.mark.integration
@pytest.mark.timeout(1500)
@pytest.mark.parametrize("role", ROLES)
def test_the_dockerfiles_step_works_in_a_clean_environment(role):
    # The system's own Python, because the sandbox is proven as another user than root, who cannot read every environment.
    systems = [path for path in ("/usr/bin/python3", "/usr/local/bin/python3") if Path(path).exists()]
    environment = os.environ | {"PYTHON": systems[0] if systems else sys.executable}
    done = subprocess.run(["bash", str(DOCKER / "prove.sh"), role], capture_output=True, text=True, check=False, env=environment)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    assert f"proven: {role}" in done.stdout


@pytest.mark.parametrize(
    ("role", "python", "message"),
    [
        ("trainr", sys.executable, "'trainr' is no image; use trainer, rm or sandbox."),
        ("trainer", "python-that-is-not-here", "PYTHON is 'python-that-is-not-here', which is not here"),
    ],
)
def test_an_installation_that_cannot_begin_is_one_sentence(role, python, message):
    environment = {**os.environ, "PYTHON": python}
    done = subprocess.run([ROOT / "docker" / "install.sh", role], capture_output=True, text=True, check=False, env=environment)
    assert done.returncode == 2
    assert message in done.stderr
    assert done.stderr.count("\n") == 1
