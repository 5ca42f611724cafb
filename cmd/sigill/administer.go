package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"golang.org/x/term"

	"sigill/cmd/sigill/internal/config"
	"sigill/cmd/sigill/internal/control"
	"sigill/policy"
	"sigill/vault"
)

// operation is a command on a vault. Its fields travel as JSON to the process that has the vault, which may be this one:
// there, operate runs. What it needs of this side, such as a password from a terminal, it has before.
type operation interface {
	operate(ctx context.Context, a *admin) error
}

// admin is what an operation works with.
type admin struct {
	vault          *vault.Vault
	config         config.Config
	by             string               // for the audit: who gave the command
	endLogins      func(policy.Address) // ends those of an account in the web; nil where nobody can be logged in
	stdout, stderr io.Writer
	terminal       bool // a person waits at stderr
}

func (a *admin) administration() *vault.Administration { return a.vault.Administration(a.by) }

// logOut ends an account's logins: whoever had got hold of one has it no more.
func (a *admin) logOut(account policy.Address) {
	if a.endLogins != nil {
		a.endLogins(account)
	}
}

// operations are all of them by name, so that the server can make one of what travelled.
var operations = map[string]func() operation{
	"account add":                  func() operation { return new(accountAdd) },
	"account list":                 func() operation { return new(accountList) },
	"account password":             func() operation { return new(accountPassword) },
	"account remove":               func() operation { return new(accountRemove) },
	"account role":                 func() operation { return new(accountRole) },
	"account second-factor remove": func() operation { return new(secondRemove) },
	"address add":                  func() operation { return new(addressAdd) },
	"address list":                 func() operation { return new(addressList) },
	"address members":              func() operation { return new(addressMembers) },
	"address remove":               func() operation { return new(addressRemove) },
	"audit verify":                 func() operation { return new(auditVerify) },
	"audit search":                 func() operation { return new(auditSearch) },
	"audit export":                 func() operation { return new(auditExport) },
	"audit checkpoint":             func() operation { return new(auditCheckpoint) },
	"backup":                       func() operation { return new(backup) },
	"binding list":                 func() operation { return new(bindingList) },
	"binding revoke":               func() operation { return new(bindingRevoke) },
	"quiet add":                    func() operation { return new(quietAdd) },
	"quiet remove":                 func() operation { return new(quietRemove) },
	"device add":                   func() operation { return new(deviceAdd) },
	"device list":                  func() operation { return new(deviceList) },
	"device remove":                func() operation { return new(deviceRemove) },
	"disposals":                    func() operation { return new(disposals) },
	"dispose":                      func() operation { return new(dispose) },
	"hold add":                     func() operation { return new(holdAdd) },
	"hold list":                    func() operation { return new(holdList) },
	"hold remove":                  func() operation { return new(holdRemove) },
	"key list":                     func() operation { return new(keyList) },
	"key rotate":                   func() operation { return new(keyRotate) },
	"maintain":                     func() operation { return new(maintain) },
	"recall":                       func() operation { return new(recallCommand) },
	"verify":                       func() operation { return new(verify) },
}

// administer carries an operation out: by the server that has the vault, or here if none has it.
func (p *program) administer(ctx context.Context, file configFile, name string, o operation) error {
	return p.administerTo(ctx, file, name, o, p.stdout)
}

// forVault are the parts of the configuration that opening the vault takes.
var forVault = []string{"domains", "retention", "staff", "vault"}

// starting is how long a server may take between locking its vault and listening, and between its end and its unlocking.
const starting = 5 * time.Second

func (p *program) administerTo(ctx context.Context, file configFile, name string, o operation, stdout io.Writer) error {
	c, err := file.load("vault.dir") // the server has read the rest, and this process may not be able to
	if err != nil {
		return err
	}
	params, err := json.Marshal(o)
	if err != nil {
		return err
	}
	call := control.Call{Name: name, Params: params, Terminal: isTerminal(p.stderr)}
	until := time.Now().Add(starting)
	for {
		err := control.Do(ctx, string(c.Vault.Dir), call, stdout, p.stderr)
		if !errors.Is(err, control.ErrNobody) {
			return told(err)
		}
		if c, err = file.load(forVault...); err != nil {
			return err
		}
		err = p.operateHere(ctx, c, o, stdout)
		if !errors.Is(err, vault.ErrLocked) || time.Now().After(until) {
			return err
		}
	}
}

// told gives the error of a command that another process carried out, as if it had been here.
func told(err error) error {
	var e *control.Error
	if errors.As(err, &e) && e.Usage {
		return usageError{e.Text}
	}
	return err
}

// operateHere opens the vault for one operation.
func (p *program) operateHere(ctx context.Context, c config.Config, o operation, stdout io.Writer) error {
	if err := mayOpen(string(c.Vault.Dir)); err != nil {
		return err
	}
	v, err := openVault(ctx, c, p.log, p.now)
	if err != nil {
		return err
	}
	err = o.operate(ctx, &admin{
		vault: v, config: c, by: operator(control.Self()), stdout: stdout, stderr: p.stderr, terminal: isTerminal(p.stderr),
	})
	return errors.Join(err, v.Close())
}

// mayOpen refuses a folder where no vault is: its file system may not be mounted, and a new vault would take the mail that
// belongs in it. It also refuses what would leave files that the server cannot read.
func mayOpen(dir string) error {
	info, err := os.Stat(filepath.Join(dir, "vault.db"))
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("there is no vault in %s: sigill init or sigill serve --new makes one, sigill restore brings one back", dir)
	}
	if err != nil {
		return err
	}
	if s, ok := info.Sys().(*syscall.Stat_t); ok && int(s.Uid) != os.Geteuid() {
		return fmt.Errorf("%s is another user's and no server runs: start the server, or run this as that user (uid %d)", dir, s.Uid)
	}
	return nil
}

// operator is how the audit names a user of the operating system: no mail address, and not the system itself.
func operator(user string) string { return "os:" + user }

// carryOut is the server's side of administer: an operation of another process.
func (s *server) carryOut() control.Handler {
	return func(ctx context.Context, call control.Call, stdout, stderr io.Writer) error {
		fresh, ok := operations[call.Name]
		if !ok {
			return fmt.Errorf("the server does not know %q: it runs another version (%s)", call.Name, version())
		}
		o := fresh()
		if err := json.Unmarshal(call.Params, o); err != nil {
			return fmt.Errorf("the server does not understand %q: it runs another version (%s)", call.Name, version())
		}
		err := o.operate(ctx, &admin{
			vault: s.vault, config: s.config, by: operator(call.Caller), endLogins: s.gateway.web.EndLogins,
			stdout: stdout, stderr: stderr, terminal: call.Terminal,
		})
		var usage usageError
		if errors.As(err, &usage) {
			return &control.Error{Text: usage.text, Usage: true}
		}
		return err
	}
}

func isTerminal(w any) bool {
	f, ok := w.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// secret reads a password: typed twice at a terminal, or a line of standard input. It is never on a command line, where
// everybody on the machine could read it.
func (p *program) secret(what string) (string, error) {
	if f, ok := p.stdin.(*os.File); ok && isTerminal(f) {
		return p.typed(f, what)
	}
	line, err := bufio.NewReader(p.stdin).ReadString('\n')
	if err != nil && !errors.Is(err, io.EOF) {
		return "", err
	}
	line = strings.TrimRight(line, "\r\n")
	if line == "" {
		return "", usageError{"no " + what + " on standard input"}
	}
	return line, nil
}

func (p *program) typed(f *os.File, what string) (string, error) {
	var twice [2]string
	for i, prompt := range []string{what + ": ", "once more: "} {
		fmt.Fprint(p.stderr, prompt)
		b, err := term.ReadPassword(int(f.Fd()))
		fmt.Fprintln(p.stderr)
		if err != nil {
			return "", err
		}
		twice[i] = string(b)
	}
	if twice[0] != twice[1] {
		return "", usageError{"the two are not the same; nothing was changed"}
	}
	if twice[0] == "" {
		return "", usageError{"no " + what + " was given"}
	}
	return twice[0], nil
}

// minPassword is NIST SP 800-63B-4's least for a password that is the only factor.
const minPassword = 15

func (p *program) password() (string, error) {
	s, err := p.secret("password")
	if err == nil && len([]rune(s)) < minPassword {
		err = usageError{fmt.Sprintf("a password must have %d characters or more", minPassword)}
	}
	return s, err
}

// address reads an address of the command line.
func address(s string) (policy.Address, error) {
	a, err := policy.ParseAddress(s)
	if err != nil {
		return a, usageError{fmt.Sprintf("%q is not a mail address", s)}
	}
	return a, nil
}

func addresses(all []string) (out []policy.Address, err error) {
	for _, s := range all {
		a, err := address(s)
		if err != nil {
			return nil, err
		}
		out = append(out, a)
	}
	return out, nil
}

// ours reads an address that must be in one of the organisation's domains.
func (a *admin) ours(s string) (policy.Address, error) {
	parsed, err := address(s)
	if err != nil {
		return parsed, err
	}
	for _, d := range a.config.Domains {
		if strings.EqualFold(d, parsed.Domain) {
			return parsed, nil
		}
	}
	return parsed, usageError{fmt.Sprintf("%s is in none of the organisation's domains (%s)", parsed, strings.Join(a.config.Domains, ", "))}
}

// explain turns what the vault says of an address into what the operator can act on.
func explain(err error, a policy.Address) error {
	switch {
	case errors.Is(err, vault.ErrExists):
		return usageError{fmt.Sprintf("%s exists already", a)}
	case errors.Is(err, vault.ErrWaiting):
		return fmt.Errorf("%s has messages that wait for an identity: complete or delete them first, in the web or by mail", a)
	case errors.Is(err, vault.ErrNotFound):
		if what, ok := strings.CutPrefix(err.Error(), vault.ErrNotFound.Error()+": "); ok {
			return usageError{what}
		}
		return usageError{fmt.Sprintf("there is no %s", a)}
	}
	return err
}
