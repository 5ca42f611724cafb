package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/sync/errgroup"
)

type demoCommand struct {
	Dir      string   `help:"Keep the state in this folder, and every mail that leaves in DIR/outgoing. Without it the state is thrown away at the end." placeholder:"DIR"`
	JSON     bool     `name:"json" help:"Tell where everything is as one line of JSON, when ready."`
	PortBase int      `help:"Use the ports from N on: N submission, N+1 submission with TLS, N+2 connector, N+3 IMAP, N+4 web, N+5 e-ID, N+6 the recipients' mail, N+7 the outside world. Without it, ports that are free." placeholder:"N"`
	Send     []string `help:"Send these mails through everything, from submission to the answer, say how each step went, and end." placeholder:"FILE.eml" sep:"none"`
	Files    []string `arg:"" optional:"" name:"FILE.eml" help:"More mails for --send."`
}

// Help is shown below the flags.
func (demoCommand) Help() string {
	return `Gateway, vault, IMAP, web, an e-ID that takes the Swedish Tax Agency's test numbers, and a mailbox that shows the notices. All of it listens on 127.0.0.1 only.

Examples:

  sigill demo
      Start, print where to look, go on until Ctrl-C.

  sigill demo --dir ./state --port-base 2500
      The same with state and ports that stay.

  sigill demo --json
      One line for scripts: {"submission":"127.0.0.1:…",…}

  sigill demo --send letter.eml decision.eml
      Show the main job on your own mails. Exit code 0 only if all of it worked.`
}

// ports are how many --port-base counts.
const ports = 8

// Validate is asked by kong after parsing.
func (c demoCommand) Validate() error {
	if len(c.Files) > 0 && len(c.Send) == 0 {
		return fmt.Errorf("unexpected argument %s: mails are given with --send", c.Files[0])
	}
	if c.PortBase != 0 && (c.PortBase < 1 || c.PortBase+ports-1 > 65535) {
		return fmt.Errorf("--port-base %d: ports go from 1 to %d", c.PortBase, 65536-ports)
	}
	if c.JSON && len(c.Send) > 0 {
		return errors.New("--json and --send do not go together")
	}
	for _, f := range c.mails() {
		info, err := os.Stat(f)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			return fmt.Errorf("--send: there is no file %s", f)
		case err == nil && info.IsDir():
			return fmt.Errorf("--send: %s is a folder", f)
		}
	}
	return nil
}

func (c demoCommand) mails() []string { return append(c.Send[:len(c.Send):len(c.Send)], c.Files...) }

// Run is the demo.
func (c demoCommand) Run(ctx context.Context, p *program) (err error) {
	dir := c.Dir
	if dir == "" {
		if dir, err = os.MkdirTemp("", "sigill-demo-"); err != nil {
			return err
		}
		defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	}
	if dir, err = filepath.Abs(dir); err != nil { // it is told to scripts, which may be elsewhere
		return err
	}
	s, err := openStage(ctx, stageOptions{Dir: dir, PortBase: c.PortBase, Log: p.log})
	if err != nil {
		return err
	}
	running, stop := context.WithCancel(ctx)
	defer stop()
	g, running := errgroup.WithContext(running)
	g.Go(func() error { return s.Run(running) })
	switch {
	case len(c.Send) > 0:
		g.Go(func() error {
			defer stop()
			return p.send(running, s, c.mails())
		})
	case c.JSON:
		err = s.places.writeJSON(p.stdout)
	default:
		err = s.places.writeText(p.stdout)
	}
	if err != nil {
		stop()
	}
	return errors.Join(err, g.Wait())
}
