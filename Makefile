# Everything a person runs in this repository. Each target sets up what it needs; `make` alone lists them.

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

PYTHON ?= python3

BIN := .venv/bin
INSTALLED := .venv/installed
SHELL_SCRIPTS := .ci/run $(sort $(wildcard scripts/*.sh scripts/*/*.sh scripts/*/*.sbatch docker/*.sh))
DOCKERFILES := $(sort $(wildcard docker/Dockerfile* docker/*/Dockerfile*))

.PHONY: help
help:  ## Say what each target does (this list).
	@echo 'make TARGET [ARGS="options of the script behind it"]'
	@echo
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  %-20s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: install
install: $(INSTALLED)  ## Make .venv with the Python that PYTHON names, torch first. Another build of torch: TORCH="torch==2.13.0 --index-url URL".
	@echo "Installed in .venv, with torch $$(cat $(INSTALLED)). For another build of torch, remove .venv and name it with TORCH."

$(INSTALLED): pyproject.toml constraints.txt scripts/install.sh
	@PYTHON='$(PYTHON)' TORCH='$(TORCH)' scripts/install.sh

.PHONY: install-integration
install-integration:  ## Make .venv-integration: SGLang, Ray and what slime needs, on CPU (4 GB of disk, 6 meanwhile). With SLIME_ROOT, as slime patches SGLang.
	@PYTHON='$(PYTHON)' TORCH='$(TORCH)' scripts/install_integration.sh

.PHONY: install-referees
install-referees:  ## Make .venv-referees: evalplus and LiveCodeBench's testing code, the referees of the policy benchmarks.
	@PYTHON='$(PYTHON)' scripts/install_referees.sh referees

.PHONY: install-bigcodebench
install-bigcodebench:  ## Make .venv-bigcodebench: bigcodebench and the libraries of its tasks (3.1 GB).
	@PYTHON='$(PYTHON)' scripts/install_referees.sh bigcodebench

.PHONY: quickstart
quickstart: $(INSTALLED)  ## Reinforce a small code model with a reward that runs no program, end to end. More: ARGS="--help".
	$(BIN)/python -m scripts.quickstart $(ARGS)

# Before gigabytes are installed for them.
.PHONY: checkouts
checkouts:  ## Say whether SLIME_ROOT and MEGATRON_ROOT name checkouts of slime and Megatron-LM, which some targets need.
	@[[ -f '$(SLIME_ROOT)/train.py' && -d '$(MEGATRON_ROOT)/megatron' ]] || \
		{ echo "error: SLIME_ROOT and MEGATRON_ROOT must name checkouts of slime and Megatron-LM; docs/slime_on_cpu.md says how to get them." >&2; exit 2; }

.PHONY: slime-cpu
slime-cpu: checkouts $(INSTALLED) install-integration  ## Run slime's own training loop without a GPU on tiny models; needs SLIME_ROOT and MEGATRON_ROOT.
	$(BIN)/python -m scripts.slime_cpu $(ARGS)

.PHONY: test
test: lint  ## Check everything and run the tests that need no other environment.
	$(BIN)/python -m pytest -m "not integration" $(ARGS)

.PHONY: test-integration
test-integration: $(INSTALLED) install-integration install-referees  ## Run the tests with real components that take long to install or start; more with SLIME_ROOT and MEGATRON_ROOT.
	$(BIN)/python -m pytest -m integration $(ARGS)

.PHONY: test-slime
test-slime: $(INSTALLED)  ## Run our hooks inside slime's own code, and slime's contract tests on them; SLIME_ROOT names a checkout.
	PYTHON=$(BIN)/python scripts/test_slime.sh $(ARGS)

.PHONY: install-verl
install-verl: $(INSTALLED)  ## Make .venv-verl: verl beside what .venv holds, for the tests of its adapter.
	@scripts/install_beside.sh verl

.PHONY: test-verl
test-verl: install-verl  ## Run our rewards in verl's own configuration, reward loop and advantage computation.
	.venv-verl/bin/python -m pytest tests/verl_plugins $(ARGS)

.PHONY: install-loops
install-loops: $(INSTALLED)  ## Make .venv-loops: ms-swift, OpenRLHF and verifiers beside what .venv holds, for the tests of the guides to them.
	@scripts/install_beside.sh loops

.PHONY: test-loops
test-loops: install-loops  ## Run the guides to ms-swift, OpenRLHF and verifiers, as they stand, in these loops' own code.
	.venv-loops/bin/python -m pytest tests/loops $(ARGS)

.PHONY: test-pythons
test-pythons:  ## Test the rooms that need no torch on Python 3.10, 3.12 and 3.13, those of them that are on this machine.
	@scripts/test_pythons.sh $(ARGS)

.PHONY: lint
lint: $(INSTALLED)  ## Check style, format, types, shell scripts and Dockerfiles.
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/shellcheck $(SHELL_SCRIPTS)
	$(if $(DOCKERFILES),$(BIN)/hadolint $(DOCKERFILES))

.PHONY: bench-extraction
bench-extraction: $(INSTALLED)  ## Measure the extraction of programs from answers: time, memory, hostile texts.
	$(BIN)/python -m scripts.bench_extraction $(ARGS)

.PHONY: bench-reward
bench-reward: $(INSTALLED)  ## Measure the reward path: throughput, event-loop stalls, faults; CODE_REWARD_DATA names the real data.
	$(BIN)/python -m scripts.bench_reward $(ARGS)

.PHONY: bench-rm
bench-rm: $(INSTALLED)  ## Measure the training of reward models beside TRL's; ARGS="MODEL PAIRS --out FILE" name a model's folder, pairs and where figures go.
	$(BIN)/python -m scripts.bench_rm $(ARGS)

.PHONY: bench-slime-cpu
bench-slime-cpu: checkouts $(INSTALLED) install-integration  ## Measure what slime itself makes of the quickstart's policy with its reward model; needs what slime-cpu needs.
	$(BIN)/python -m scripts.bench_slime_cpu $(ARGS)

.PHONY: bench-gpu
bench-gpu: $(INSTALLED)  ## Measure on one GPU, in eight minutes and without downloads, what a CPU cannot: attention, a training step, export, serving.
	$(or $(PYTHON_GPU),$(BIN)/python) -m scripts.bench_gpu $(ARGS)

.PHONY: bench-sandbox
bench-sandbox: $(INSTALLED)  ## Measure the sandbox: speed beside other evaluators; ARGS=fidelity, hostile, fuzz, leak prove it; matrix, coverage, latency measure more.
	$(BIN)/python -m scripts.bench_sandbox $(or $(ARGS),speed)

.PHONY: train-test-generator
train-test-generator: $(INSTALLED)  ## Train a tiny test generator, serve it, have it write unit tests, and measure them.
	scripts/train_test_generator.sh $(ARGS)

.PHONY: bench-mcts
bench-mcts: $(INSTALLED)  ## Measure the tree search's driver; ARGS="tracing" and "kills" measure the rest.
	$(BIN)/python -m scripts.bench_mcts $(or $(ARGS),driver)

# Two cores are enough for what is trained and tested here; more threads per process only get in each other's way.
test test-integration test-loops test-pythons test-verl: export OMP_NUM_THREADS = 1
