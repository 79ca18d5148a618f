# Mercer: everything that is done with this repository. On a fresh Debian or Ubuntu machine with Swift,
# `make run` and `make test` need nothing else.

SWIFT ?= swift
MERCER := .build/release/mercer
CASES ?= .
SOURCES := Package.swift Sources Tests Benchmarks/Mercer

.PHONY: help setup build run test oracles bench results tables docs format lint clean

help:
	@echo 'make run      set up, build, resize photographs, measure the claims of MULLER'
	@echo 'make test     all tests, in release mode'
	@echo 'make oracles  only the tests against independent numbers'
	@echo 'make bench    Mercer beside PyTorch, Pillow and OpenCV; CASES=regex chooses'
	@echo 'make results  measure every paper that works and keep the numbers in Results/'
	@echo 'make tables   make the tables of README.md and Results/*.md from Results/*.json'
	@echo 'make docs     build the documentation'
	@echo 'make format   bring the sources into the common form; make lint checks it'
	@echo 'make setup    install what is missing; the others call it'
	@echo 'make clean    remove everything that was made here'

setup:
	@scripts/setup

build: setup
	$(SWIFT) build -c release --product mercer

run: build
	@scripts/tour

test: setup
	$(SWIFT) test -c release --disable-xctest

oracles: setup
	$(SWIFT) test -c release --disable-xctest --filter OracleTests

bench: build .venv-bench/ready
	$(MERCER) bench --peers .venv-bench/bin/python --cases '$(CASES)' --output Results || [ $$? -eq 3 ]

.venv-bench/ready: Benchmarks/peers/requirements.txt
	python3 -m venv .venv-bench
	.venv-bench/bin/pip install --quiet --disable-pip-version-check --retries 1 --requirement $<
	@touch $@

results: build
	@scripts/results

tables: build
	$(MERCER) tables README.md Results/CLAIMS.md Results/BENCHMARKS.md --results Results

docs: setup
	@scripts/docs

format:
	$(SWIFT) format --in-place --parallel --recursive $(SOURCES)

lint:
	$(SWIFT) format lint --strict --parallel --recursive $(SOURCES)

clean:
	rm -rf .build .venv-bench out
