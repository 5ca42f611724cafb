# Build, test and check Sigill. Every target needs Go; what else the tests want, `make test` installs on Debian.

STATICCHECK = honnef.co/go/tools/cmd/staticcheck@v0.8.2

.PHONY: all build test check bench torture clean

all: build

build:
	go build -o sigill ./cmd/sigill

# Everything, with the race detector. A test whose program is missing says so and is skipped.
test:
	@.ci/needs
	go test -race ./...

check:
	@test -z "$$(gofmt -l .)" || { echo "not formatted by gofmt:"; gofmt -l .; exit 1; }
	go vet ./...
	go run $(STATICCHECK) ./...
	go mod tidy -diff

# 2,000 processes killed under load, each with all that it acknowledged looked for.
torture:
	SIGILL_TEST_KILLS=2000 go test -race -run 'TestKilled$$' -v ./vault

# The numbers of docs/performance.md.
bench:
	go test -run '^$$' -bench . -benchmem ./...

clean:
	rm -rf sigill artifacts
