# Every command of the project. The work is done by scripts/.

.PHONY: test

test:
	@scripts/test
