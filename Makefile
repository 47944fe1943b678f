# Every command of the project. The work is done by scripts/.

.PHONY: bench demo rabbitmq4 test

# Build, find or start a broker, show the example at work.
demo:
	@scripts/demo

# Measure the engine and the bus beside a bare relay and the shovel; takes ten minutes, best on a quiet machine.
bench:
	@scripts/bench

# Get RabbitMQ 4 beside the system's, to run the tests on it: see docs/reference/rabbitmq.md.
rabbitmq4:
	@scripts/rabbitmq4

# Install and start what the tests need, then format, lints, docs, tests.
test:
	@scripts/test
