# Every command of the project. The work is done by scripts/.

.PHONY: demo test

# Build, find or start a broker, show the example at work.
demo:
	@scripts/demo

# Install and start what the tests need, then format, lints, docs, tests.
test:
	@scripts/test
