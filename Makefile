# Every command of the project. The work is done by scripts/.

.PHONY: bench demo test

# Build, find or start a broker, show the example at work.
demo:
	@scripts/demo

# Measure the engine and the bus beside a bare relay and the shovel; takes ten minutes, best on a quiet machine.
bench:
	@scripts/bench

# Install and start what the tests need, then format, lints, docs, tests.
test:
	@scripts/test
