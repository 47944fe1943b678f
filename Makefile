# Every command of the project. The work is done by scripts/.

.PHONY: bench chaos chaos-cluster demo rabbitmq4 test

# Build, find or start a broker, show the example at work.
demo:
	@scripts/demo

# Measure the engine and the bus beside a bare relay and the shovel; takes ten minutes, best on a quiet machine.
bench:
	@scripts/bench

# Get RabbitMQ 4 beside the system's, to run the tests on it: see docs/reference/rabbitmq.md.
rabbitmq4:
	@scripts/rabbitmq4

# Harm the bus and the broker under load, and account for every message: make chaos ARGS="--seed 7 --messages 100000"
chaos:
	@scripts/chaos $(ARGS)

# The same with three nodes and two instances of the bus.
chaos-cluster:
	@scripts/chaos --cluster $(ARGS)

# Install and start what the tests need, then format, lints, docs, tests.
test:
	@scripts/test
