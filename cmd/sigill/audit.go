package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"sigill/policy"
	"sigill/vault"
)

type auditCommand struct {
	Search     auditSearch     `cmd:"" help:"Find events."`
	Export     auditExport     `cmd:"" help:"Write events as lines of JSON."`
	Verify     auditVerify     `cmd:"" help:"Check that no event was changed, left out or put in."`
	Checkpoint auditCheckpoint `cmd:"" help:"Sign the log as it is, to keep elsewhere."`
}

// auditQuery says which events are wanted. All that is given must fit.
type auditQuery struct {
	From    string `help:"Events at this time or after: 2026-11-25, 2026-11-25T08:00 (local time), or RFC 3339." placeholder:"TIME"`
	Until   string `help:"Events before this time." placeholder:"TIME"`
	Actor   string `help:"Who did it: an address, system, person:…, os:USER." placeholder:"ACTOR"`
	Person  bool   `help:"Events of the person whose identity number is typed or the first line of standard input: never on a command line."`
	Action  string `help:"What was done, such as read." placeholder:"ACTION"`
	Message string `help:"The message it was done with." placeholder:"ID"`
	Result  string `help:"How it went: ok, or the reason it was refused." placeholder:"RESULT"`

	Number string `kong:"-"` // the person's
}

// prepare checks what is given, and asks for the number.
func (q *auditQuery) prepare(p *program) (err error) {
	if _, err := q.filter(nil); err != nil || !q.Person {
		return err
	}
	if q.Actor != "" {
		return usageError{"--actor and --person do not go together"}
	}
	q.Number, err = p.secret("identity number")
	return err
}

// filter makes a test of the query. log may be nil if no person is asked for.
func (q *auditQuery) filter(log *vault.AuditLog) (func(vault.Event) bool, error) {
	from, err1 := readTime(q.From)
	until, err2 := readTime(q.Until)
	if err := errors.Join(err1, err2); err != nil {
		return nil, err
	}
	var message vault.MessageID
	if q.Message != "" {
		var err error
		if message, err = vault.ParseMessageID(q.Message); err != nil {
			return nil, usageError{fmt.Sprintf("%q is not the id of a message", q.Message)}
		}
	}
	actor := q.Actor
	if log != nil && q.Number != "" {
		id, err := policy.ParsePersonID(q.Number)
		if err != nil {
			return nil, usageError{"that is not an identity number"}
		}
		actor = log.Actor(vault.Person(id))
	}
	return func(e vault.Event) bool {
		return (from.IsZero() || !e.At.Before(from)) && (until.IsZero() || e.At.Before(until)) &&
			(actor == "" || strings.EqualFold(e.Actor, actor)) && (q.Action == "" || strings.EqualFold(e.Action, q.Action)) &&
			(message.IsZero() || e.Message == message) && (q.Result == "" || strings.EqualFold(e.Result, q.Result))
	}, nil
}

func readTime(s string) (time.Time, error) {
	if s == "" {
		return time.Time{}, nil
	}
	for _, layout := range []string{time.RFC3339, "2006-01-02T15:04:05", "2006-01-02T15:04", time.DateOnly} {
		if t, err := time.ParseInLocation(layout, s, time.Local); err == nil {
			return t, nil
		}
	}
	return time.Time{}, usageError{fmt.Sprintf("%q is not a time such as 2026-11-25 or 2026-11-25T08:00", s)}
}

// each gives the events that fit. No transaction is open while fn runs, so that a slow reader holds nothing up.
func (q *auditQuery) each(ctx context.Context, a *admin, fn func(vault.Event) error) error {
	fits, err := q.filter(a.vault.Audit())
	if err != nil {
		return err
	}
	var faulty error
	err = a.vault.Audit().Events(ctx, 0, func(e vault.Event) bool {
		if faulty = ctx.Err(); faulty == nil && fits(e) {
			faulty = fn(e)
		}
		return faulty == nil
	})
	return errors.Join(err, faulty)
}

type auditSearch struct {
	configFile
	auditQuery
}

// Help is shown below the flags.
func (auditSearch) Help() string {
	return `Examples:

  sigill audit search --config sigill.toml --from 2026-11-01 --actor anna.andersson@example.se
  sigill audit search --config sigill.toml --message ID --action read`
}

// Run searches.
func (c *auditSearch) Run(ctx context.Context, p *program) error {
	if err := c.prepare(p); err != nil {
		return err
	}
	return p.administer(ctx, c.configFile, "audit search", c)
}

func (c *auditSearch) operate(ctx context.Context, a *admin) error {
	return c.each(ctx, a, func(e vault.Event) error {
		message := "-"
		if !e.Message.IsZero() {
			message = e.Message.String()
		}
		_, err := fmt.Fprintf(a.stdout, "%d %s %s %q %s %q %q\n", e.Seq, moment(e.At), e.Actor, e.Action, message, e.Result, e.Detail)
		return err
	})
}

type auditExport struct {
	configFile
	auditQuery
}

// Help is shown below the flags.
func (auditExport) Help() string {
	return `The same as search, as JSON for other programs: seq, at, actor, action, message, result, detail.

Examples:

  sigill audit export --config sigill.toml --from 2026-01-01 > audit.jsonl`
}

// Run exports.
func (c *auditExport) Run(ctx context.Context, p *program) error {
	if err := c.prepare(p); err != nil {
		return err
	}
	return p.administer(ctx, c.configFile, "audit export", c)
}

// exported is an event as other programs read it.
type exported struct {
	Seq     uint64    `json:"seq"`
	At      time.Time `json:"at"`
	Actor   string    `json:"actor"`
	Action  string    `json:"action"`
	Message string    `json:"message,omitempty"`
	Result  string    `json:"result"`
	Detail  string    `json:"detail,omitempty"`
}

func (c *auditExport) operate(ctx context.Context, a *admin) error {
	out := json.NewEncoder(a.stdout)
	return c.each(ctx, a, func(e vault.Event) error {
		line := exported{Seq: e.Seq, At: e.At.UTC(), Actor: e.Actor, Action: e.Action, Result: e.Result, Detail: e.Detail}
		if !e.Message.IsZero() {
			line.Message = e.Message.String()
		}
		return out.Encode(line)
	})
}

type auditVerify struct {
	configFile
	Checkpoint string   `help:"Checkpoints that were kept elsewhere, one a line." placeholder:"FILE"`
	Lines      []string `kong:"-"`
}

// Help is shown below the flags.
func (auditVerify) Help() string {
	return `Without a checkpoint from elsewhere it finds damage, and changes by whoever has no key; with one, all changes before it.

Examples:

  sigill audit verify --config sigill.toml --checkpoint checkpoints.txt`
}

// Run reads the checkpoints.
func (c *auditVerify) Run(ctx context.Context, p *program) error {
	if c.Checkpoint != "" {
		text, err := os.ReadFile(c.Checkpoint)
		if err != nil {
			return usageError{err.Error()}
		}
		for line := range strings.Lines(string(text)) {
			if line = strings.TrimSpace(line); line != "" {
				c.Lines = append(c.Lines, line)
			}
		}
		if len(c.Lines) == 0 {
			return usageError{c.Checkpoint + " has no checkpoint in it"}
		}
	}
	return p.administer(ctx, c.configFile, "audit verify", c)
}

func (c *auditVerify) operate(ctx context.Context, a *admin) error {
	var given []vault.Checkpoint
	for i, line := range c.Lines {
		point, err := vault.ParseCheckpoint(line)
		if err != nil {
			return usageError{"line " + strconv.Itoa(i+1) + " of the file is not a checkpoint"}
		}
		given = append(given, point)
	}
	n, err := a.vault.Audit().Verify(ctx, given...)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(a.stdout, "%d events, all as they were written; %d checkpoints from elsewhere agree.\n", n, len(given))
	return err
}

type auditCheckpoint struct {
	configFile
}

// Help is shown below the flags.
func (auditCheckpoint) Help() string {
	return `Prints a line to keep where whoever has the server cannot change it. The server logs one each day.

Examples:

  sigill audit checkpoint --config sigill.toml >> /mnt/elsewhere/checkpoints.txt`
}

// Run signs.
func (c *auditCheckpoint) Run(ctx context.Context, p *program) error {
	return p.administer(ctx, c.configFile, "audit checkpoint", c)
}

func (c *auditCheckpoint) operate(ctx context.Context, a *admin) error {
	point, err := a.vault.Audit().Checkpoint(ctx)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintln(a.stdout, point)
	return err
}
