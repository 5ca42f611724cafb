// Command sigill is the gateway and its demo.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"
	"time"

	"github.com/alecthomas/kong"
)

// Exit codes.
const (
	exitOK      = 0
	exitFailure = 1
	exitUsage   = 2
)

func main() {
	tuneCollector()
	os.Exit(run())
}

// tuneCollector lets garbage grow to three times what lives, up to a gigabyte in all, unless the operator has said otherwise
// (GOGC, GOMEMLIMIT). So little lives here that by default the collector would run after every twentieth mail.
func tuneCollector() {
	if os.Getenv("GOGC") != "" || os.Getenv("GOMEMLIMIT") != "" {
		return
	}
	debug.SetGCPercent(300)
	debug.SetMemoryLimit(1 << 30)
}

func run() int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop) // a second Ctrl-C ends at once
	p := &program{stdin: os.Stdin, stdout: os.Stdout, stderr: os.Stderr, log: slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn}))}
	slog.SetDefault(p.log) // for libraries that take no logger
	return p.run(ctx, os.Args[1:])
}

// program is a run of the command. Tests run it in their own process.
type program struct {
	stdin          io.Reader
	stdout, stderr io.Writer
	log            *slog.Logger
	now            func() time.Time // time.Now if nil
}

// usageError means that the command line is wrong, not that something failed.
type usageError struct{ text string }

func (e usageError) Error() string { return e.text }

// run does what args ask for and gives the exit code. An error is one line on stderr.
func (p *program) run(ctx context.Context, args []string) int {
	err := p.do(ctx, args)
	var usage usageError
	var bad badConfig
	switch {
	case err == nil:
		return exitOK
	case errors.As(err, &usage):
		fmt.Fprintf(p.stderr, "sigill: %v (see sigill --help)\n", err)
		return exitUsage
	case errors.As(err, &bad):
		for _, f := range bad.faults {
			fmt.Fprintf(p.stderr, "%s: %v\n", bad.file, f)
		}
		return exitUsage
	}
	fmt.Fprintf(p.stderr, "sigill: %v\n", err)
	return exitFailure
}

type commandLine struct {
	Demo   demoCommand   `cmd:"" help:"Run everything on this machine, with people to try it with."`
	Init   initCommand   `cmd:"" help:"Set up: folders, keys, and a configuration to finish."`
	Serve  serveCommand  `cmd:"" help:"Run the gateway."`
	Config configCommand `cmd:"" help:"Print an annotated sample of the configuration."`
	Check  checkCommand  `cmd:"" help:"Say every fault of a configuration."`
	Policy policyCommand `cmd:"" help:"Try the rules."`
	Notice noticeCommand `cmd:"" help:"Show what notices say."`
	DNS    dnsCommand    `cmd:"" name:"dns" help:"Print the DNS records to set."`

	Account   accountCommand `cmd:"" help:"Staff members."`
	Binding   bindingCommand `cmd:"" help:"Addresses that are known to be a person's."`
	Quiet     quietCommand   `cmd:"" help:"Persons who get no notices: those with protected identity."`
	Device    deviceCommand  `cmd:"" help:"Passwords for their mail programs."`
	Address   addressCommand `cmd:"" help:"Function addresses."`
	Key       keyCommand     `cmd:"" help:"The vault's key."`
	Audit     auditCommand   `cmd:"" help:"Who did what."`
	Hold      holdCommand    `cmd:"" help:"Legal holds."`
	Recall    recallCommand  `cmd:"" help:"Take a message back."`
	Backup    backup         `cmd:"" help:"Write a backup while the server runs."`
	Restore   restoreCommand `cmd:"" help:"Bring a vault back from a backup."`
	Verify    verify         `cmd:"" help:"Check everything in the vault."`
	Maintain  maintain       `cmd:"" help:"Make erasure real now; the server does it daily."`
	Dispose   dispose        `cmd:"" help:"Dispose of what is due now; the server does it daily."`
	Disposals disposals      `cmd:"" help:"The log of what was disposed of."`

	Version versionCommand `cmd:"" help:"Print the version."`
}

func (p *program) do(ctx context.Context, args []string) error {
	var line commandLine
	helped := false
	k, err := kong.New(&line,
		kong.Name("sigill"),
		kong.Description("Sigill is a secure-message gateway: mail tagged [säkert] is sealed, and its recipient reads it after logging in with an e-ID."),
		kong.Writers(p.stdout, p.stderr),
		kong.Exit(func(int) { helped = true }), // --help does not end a test's process
		kong.BindTo(ctx, (*context.Context)(nil)),
		kong.Bind(p),
	)
	if err != nil {
		return fmt.Errorf("command line: %w", err)
	}
	parsed, err := k.Parse(args)
	switch {
	case helped:
		return nil
	case err != nil:
		return usageError{err.Error()}
	}
	return parsed.Run()
}

type versionCommand struct{}

func (versionCommand) Run(p *program) error {
	_, err := fmt.Fprintln(p.stdout, "sigill", version())
	return err
}

func version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok || info.Main.Version == "" {
		return "(unknown)"
	}
	return info.Main.Version
}
