# SPDX-License-Identifier: Apache-2.0
# What can be done with this repository, each by one word. `make help` lists it. Nothing is hidden here: every target is
# a script or a command that can be run by hand as well.

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.ONESHELL:
.SUFFIXES:
MAKEFLAGS += --no-print-directory

PREFIX ?= /usr/local
FUMEHOOD_SHARED ?= $(abspath ../shared)
FUMEHOOD_BIN ?= $(CURDIR)/build/fumehood
export FUMEHOOD_SHARED FUMEHOOD_BIN

# Without Swift, or with an older one, these targets say so and stop; `help` and `clean` need nothing.
SOURCES := $(shell find Sources Profiles Package.swift -type f 2>/dev/null)
CEDAR_SOURCES := $(shell find Sources/Cedar Sources/JSON Sources/cedar-corpus Package.swift -type f 2>/dev/null)

LOG_SOURCES := $(shell find Sources/AuditLog Sources/Budget Sources/Events Sources/JSON Sources/Linux Sources/audit-log-writer Package.swift -type f 2>/dev/null)

DOOR_SOURCES := $(shell find Sources/Governance Sources/Config Sources/door-bench -type f 2>/dev/null)

.PHONY: help build install uninstall demo test check lint format mutants soak fuzz asan bench corpus clean swift

help:
	@printf '%s\n' \
	  'make demo              build, then watch a hostile script contained and an honest tool work' \
	  'make build             build/fumehood: one static file' \
	  'make install PREFIX=   put it into PREFIX/bin (default /usr/local)' \
	  'make test              every test; passed, failed, skipped by reason' \
	  'make check             format lint, then make test' \
	  'make mutants           break each protection and see its test fail' \
	  'make fuzz              every fuzz target for 60 seconds' \
	  'make soak              fault sweep, kills, 5,000 launches, 10^6 schedules of the ledger, ends of the log at each write, Cedar beside cedarpy, fuzz targets (over two hours); results in Benchmarks/results' \
	  'make asan              the C part and its launches under AddressSanitizer' \
	  'make bench             launches, policy decisions, reservations, the log and the door against their thresholds; results in Benchmarks/results' \
	  'make corpus DIR=...    the Cedar engine against a folder of integration tests' \
	  'make clean             remove everything built'

swift:
	@.ci/need-swift

build: build/fumehood

# The linker warns for every name-service function in a static program; none of them is called, and everything else that
# it says is shown.
build/fumehood: $(SOURCES) | swift
	@.ci/need build
	mkdir -p build
	echo 'building build/fumehood (release, static; the first time takes some minutes)'
	swift build -c release --scratch-path .build-release -Xswiftc -static-executable --product fumehood 2>&1 | .ci/quieter
	.ci/strip .build-release/release/fumehood build/fumehood.new
	mv build/fumehood.new build/fumehood
	size=$$(stat -c %s build/fumehood)
	echo "build/fumehood: $$((size / 1000000)).$$((size % 1000000 / 100000)) MB"
	if [ "$$size" -gt 20000000 ]; then echo 'build/fumehood is larger than 20 MB' >&2; exit 1; fi

# The Cedar engine as a program of the tests and benchmarks. Static like the other, so that the modules of both are built once.
build/cedar-corpus: $(CEDAR_SOURCES) | swift
	@.ci/need build
	mkdir -p build
	echo 'building build/cedar-corpus (release)'
	swift build -c release --scratch-path .build-release -Xswiftc -static-executable --product cedar-corpus 2>&1 | .ci/quieter
	.ci/strip .build-release/release/cedar-corpus build/cedar-corpus.new
	mv build/cedar-corpus.new build/cedar-corpus

# The log as a program of its tests and benchmarks.
build/audit-log-writer: $(LOG_SOURCES) | swift
	@.ci/need build
	mkdir -p build
	echo 'building build/audit-log-writer (release)'
	swift build -c release --scratch-path .build-release -Xswiftc -static-executable --product audit-log-writer 2>&1 | .ci/quieter
	.ci/strip .build-release/release/audit-log-writer build/audit-log-writer.new
	mv build/audit-log-writer.new build/audit-log-writer

# The door as a program of its benchmark.
build/door-bench: $(LOG_SOURCES) $(CEDAR_SOURCES) $(DOOR_SOURCES) | swift
	@.ci/need build
	mkdir -p build
	echo 'building build/door-bench (release)'
	swift build -c release --scratch-path .build-release -Xswiftc -static-executable --product door-bench 2>&1 | .ci/quieter
	.ci/strip .build-release/release/door-bench build/door-bench.new
	mv build/door-bench.new build/door-bench

# What verifies the log's files without any of our code: Debian's Go, offline.
build/goverifier: Tests/GoVerifier/main.go
	@.ci/need log
	mkdir -p build
	GO111MODULE=off GOPATH=/usr/share/gocode GOFLAGS= go build -o build/goverifier Tests/GoVerifier/main.go

install: build/fumehood
	install -D -m 0755 build/fumehood '$(DESTDIR)$(PREFIX)/bin/fumehood'
	echo 'installed $(DESTDIR)$(PREFIX)/bin/fumehood'

uninstall:
	rm -f '$(DESTDIR)$(PREFIX)/bin/fumehood'

demo: build/fumehood
	@.ci/need demo
	Examples/demo.sh

test: build/fumehood build/cedar-corpus build/audit-log-writer build/goverifier
	@.ci/need test
	.ci/need log
	if [ -x Tests/Sandboxees/build.sh ]; then Tests/Sandboxees/build.sh; fi
	python3 Tests/run.py

check: lint test

lint: swift
	@swift format lint --strict -r -p Sources Tests Package.swift

format: swift
	@swift format -i -r -p Sources Tests Package.swift

mutants: build/fumehood
	@.ci/need test
	if [ -x Tests/Sandboxees/build.sh ]; then Tests/Sandboxees/build.sh; fi
	python3 Tests/Mutants/run.py

soak: build/fumehood build/cedar-corpus build/audit-log-writer build/goverifier
	@.ci/need test
	.ci/need log
	python3 Tests/Soak/faults.py --all --record
	python3 Tests/Soak/kills.py --points 200 --record
	python3 Tests/Soak/launches.py --launches 5000 --record
	python3 Benchmarks/ledger/soak.py --schedules 1000000 --record
	python3 Tests/Oracles/ledger_windows.py
	python3 Tests/Broker/peers.py
	python3 Tests/Soak/calls.py
	python3 Tests/Broker/session.py --kills 50
	python3 Tests/Soak/servers.py
	python3 Tests/Broker/standing.py
	python3 Tests/Oracles/tool_schemas.py --tools 2000 --values 25
	FUMEHOOD_SOAK=1 swift test --disable-xctest --filter DifferentialTests
	python3 Tests/Soak/log.py --all --record
	Tests/Sandboxees/build.sh
	python3 Tests/Soak/limits.py --record
	python3 Tests/Soak/ladder.py
	python3 Tests/Soak/learn.py --record
	Tests/vm.sh all
	Tests/Fuzz/soak.sh

fuzz: swift
	@.ci/need test
	python3 Tests/Fuzz/all.py 60

asan: swift
	@.ci/need test
	Tests/asan.sh

bench: build/fumehood build/cedar-corpus build/audit-log-writer build/door-bench
	@.ci/need bench
	failed=0
	python3 Benchmarks/launch.py --record || failed=1
	python3 Benchmarks/limits.py --record || failed=1
	python3 Benchmarks/ladder.py --record || failed=1
	python3 Benchmarks/cedar/bench.py --record || failed=1
	python3 Benchmarks/ledger/soak.py --bench --record || failed=1
	python3 Benchmarks/log/bench.py --record || failed=1
	python3 Benchmarks/door/bench.py --record || failed=1
	python3 Benchmarks/broker/bench.py --record || failed=1
	exit $$failed

corpus: build/cedar-corpus
	@if [ -z '$(DIR)' ]; then echo 'say which folder: make corpus DIR=../shared/data/cedar' >&2; exit 1; fi
	build/cedar-corpus '$(DIR)'

clean:
	rm -rf build .build .build-*
