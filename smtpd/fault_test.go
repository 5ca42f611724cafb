package smtpd

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-smtp"

	"sigill/policy"
	"sigill/smtpd/relay"
	"sigill/vault"
)

// broken is a draft that fails, or panics, where it is told to.
type broken struct {
	draft
	write, commit error
	panics        bool
}

func (b *broken) Write(p []byte) (int, error) {
	if b.panics {
		panic("Sekretess")
	}
	if b.write != nil {
		return 0, b.write
	}
	return b.draft.Write(p)
}

func (b *broken) Commit(ctx context.Context) (vault.Receipt, error) {
	if b.commit != nil {
		return vault.Receipt{}, b.commit
	}
	return b.draft.Commit(ctx)
}

// lost is a directory that cannot look anything up.
type lost struct{ err error }

func (l lost) Classify(context.Context, []policy.Address) ([]policy.Recipient, error) {
	return nil, l.err
}
func (l lost) Answers(context.Context, []string) (bool, error) { return false, l.err }
func (l lost) MaySendAs(context.Context, vault.Principal, policy.Address) (bool, error) {
	return false, l.err
}
func (l lost) Authenticate(context.Context, vault.Login) (vault.Account, error) {
	return vault.Account{}, l.err
}

func (l lost) AuthenticateToken(context.Context, vault.Login, func(context.Context) (string, error)) (vault.Account, error) {
	return vault.Account{}, l.err
}

// half knows the recipients and not the conversations.
type half struct {
	knowledge
	err error
}

func (h half) Answers(context.Context, []string) (bool, error) { return false, h.err }

func TestVaultFails(t *testing.T) {
	t.Parallel()
	away := errors.New("open /srv/vault/anna.db: no space left on device")
	failing := func(b broken) func(*Server) {
		return func(s *Server) {
			begin := s.begin
			s.begin = func(d vault.Deposit) draft { c := b; c.draft = begin(d); return &c }
		}
	}
	for why, row := range map[string]struct {
		set     func(*Server)
		message string
		want    string
	}{
		"full while writing":  {failing(broken{write: vault.ErrFull}), secureMail, "452 4.3.1"},
		"full at commit":      {failing(broken{commit: fmt.Errorf("x: %w", vault.ErrFull)}), secureMail, "452 4.3.1"},
		"a binding went":      {failing(broken{commit: vault.ErrUnknownRecipient}), secureMail, "451 4.3.0"},
		"damaged":             {failing(broken{commit: vault.ErrDamaged}), secureMail, "451 4.3.0"},
		"anything else":       {failing(broken{write: away}), secureMail, "451 4.3.0"},
		"a panic":             {failing(broken{panics: true}), secureMail, "421 4.3.0"},
		"who are they":        {func(s *Server) { s.knowledge = lost{away} }, secureMail, "451 4.3.0"},
		"who are they, plain": {func(s *Server) { s.knowledge = lost{away} }, plainMail, "451 4.3.0"},
		"which conversation":  {func(s *Server) { s.knowledge = half{s.knowledge, away} }, plainMail, "451 4.3.0"},
	} {
		t.Run(why, func(t *testing.T) {
			t.Parallel()
			g := start(t, func(o *setup) { o.server, o.panics = row.set, why == "a panic" })
			for _, bdat := range []bool{false, true} {
				w := g.wire(Connector)
				w.envelope()
				if bdat {
					fmt.Fprintf(w, "BDAT %d LAST\r\n%s", len(row.message), row.message)
				} else {
					w.talk("DATA", "354")
					io.WriteString(w, row.message+".\r\n")
				}
				got := w.reply()
				if !strings.HasPrefix(got, row.want) || strings.Contains(got, "srv") || strings.Contains(got, "Sekretess") {
					t.Errorf("answered %q, want %q", got, row.want)
				}
				if i := strings.Index(got, "incident "); i >= 0 && !strings.Contains(g.log.String(), got[i+9:]) {
					t.Errorf("%q is not in the log", got[i:])
				}
				if why == "a panic" {
					w.gone()
				} else {
					w.talk("NOOP", "250")
				}
			}
			if strings.Contains(g.log.String(), "Sekretess") {
				t.Error("the log has content")
			}
			g.empty()
		})
	}
}

func TestDirectoryFails(t *testing.T) {
	t.Parallel()
	g := start(t, func(o *setup) { o.server = func(s *Server) { s.accounts = lost{errors.New("vault: away")} } })
	w := g.wire(Submissions)
	w.talk("", "220", "EHLO a.example", "250", "AUTH PLAIN "+plainAuth(anna.String(), password), "454 4.7.0",
		"AUTH PLAIN "+plainAuth(anna.String(), password), "454", "AUTH PLAIN "+plainAuth(anna.String(), password), "454",
		"AUTH PLAIN "+plainAuth(anna.String(), password), "454") // not the client's fault, so no try
}

func TestVaultFull(t *testing.T) {
	t.Parallel()
	g := start(t, func(o *setup) { o.vault.MaxSize = 4 << 20 })
	big := secureMail + strings.Repeat(strings.Repeat("x", 98)+"\r\n", 80000)
	if _, err := g.send(big, cecil); code(err) != "452 4.3.1" {
		t.Errorf("got %v", err)
	}
	g.empty()
	if _, err := g.send(secureMail, cecil); err != nil {
		t.Errorf("a small one: %v", err)
	}
}

// TestFullAndNotFullAgain: while the vault has no room its clients keep their mail and are told to try again; when there is
// room the same mail is taken on the same connection. What was taken is there, and nothing else.
func TestFullAndNotFullAgain(t *testing.T) {
	t.Parallel()
	g := start(t, func(o *setup) { o.vault.MaxSize = 4 << 20 })
	number := 0
	mail := func(n int) string {
		return fmt.Sprintf("From: anna@kommun.example\r\nMessage-ID: <%d@kommun.example>\r\nSubject: [secure] nr %d.\r\n\r\n", n, n) + strings.Repeat(strings.Repeat("x", 98)+"\r\n", 2000)
	}
	c := g.client(Connector)
	var taken []int
	for ; number < 100; number++ {
		_, err := submit(c, anna.String(), mail(number), cecil)
		if code(err) == "452 4.3.1" {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		taken = append(taken, number)
	}
	if number < 3 || number == 100 {
		t.Fatalf("full after %d mails", number)
	}
	for range 3 {
		if _, err := submit(c, anna.String(), mail(number), cecil); code(err) != "452 4.3.1" {
			t.Errorf("full, and then %v", err)
		}
	}
	if r, err := submit(c, anna.String(), plainMail, cecil); err != nil {
		t.Errorf("mail that passes needs no room: %v, %v", r, err)
	}
	g.holds(taken)

	// Somebody deletes the first two, which makes room.
	for _, who := range []vault.Principal{vault.Staff(anna), vault.Person(person)} {
		r, err := g.vault.Reader(t.Context(), who, vault.DoorWeb)
		if err != nil {
			t.Fatal(err)
		}
		boxes, err := r.Mailboxes(t.Context())
		for _, box := range boxes {
			entries, _ := r.Entries(t.Context(), box.ID, 0, 2)
			for _, e := range entries {
				err = errors.Join(err, r.Delete(t.Context(), e.Message))
			}
		}
		if r.Close(); err != nil {
			t.Fatalf("a full vault lets nobody delete: %v", err)
		}
	}
	// What a commit has freed is there for the one after the next, so it may be told to try again once or twice more.
	for tries := 1; ; tries++ {
		_, err := submit(c, anna.String(), mail(number), cecil)
		if err == nil {
			break
		}
		if code(err) != "452 4.3.1" || tries == 10 {
			t.Fatalf("there is room again: %v", err)
		}
	}
	g.holds(append(taken[2:], number))
	if r, err := g.vault.Verify(t.Context(), nil); err != nil || len(r.Faults) > 0 {
		t.Errorf("verify: %v, %v", err, r.Faults)
	}
}

// holds fails unless the recipient has the mails of these numbers, whole, and no other.
func (g *gateway) holds(numbers []int) {
	g.t.Helper()
	all := g.sealed(vault.Person(person))
	if len(all) != len(numbers) {
		g.t.Errorf("%d mails are there, not %d", len(all), len(numbers))
	}
	for _, n := range numbers {
		if !slices.ContainsFunc(all, func(raw string) bool {
			return strings.Contains(raw, fmt.Sprintf("Subject: nr %d.\r\n", n)) && strings.Count(raw, "x") > 2000*98
		}) {
			g.t.Errorf("mail %d was taken and is not there", n)
		}
	}
}

func TestUpstreamFails(t *testing.T) {
	t.Parallel()
	down := listen(t)
	down.Close()
	g := start(t, func(o *setup) { o.upstreamAddr = down.Addr().String() })
	if _, err := g.send(plainMail, cecil); code(err) != "451 4.4.1" {
		t.Errorf("upstream down: %v", err)
	}
	if r, err := g.send(secureMail, cecil); err != nil || !strings.Contains(r.StatusText, "sealed as") {
		t.Errorf("secure mail needs no upstream: %v", err)
	}

	g = start(t, nil)
	g.upstream.OnRcpt = func(to string) error {
		if to == dag.String() {
			return &smtp.SMTPError{Code: 550, EnhancedCode: smtp.EnhancedCode{5, 1, 1}, Message: "nobody here\nby that name"}
		}
		return nil
	}
	g.upstream.OnData = func(r io.Reader) error {
		io.Copy(io.Discard, r)
		return &smtp.SMTPError{Code: 452, EnhancedCode: smtp.EnhancedCode{4, 2, 2}, Message: "mailbox full"}
	}
	w := g.wire(Connector)
	w.envelope()
	w.talk("RCPT TO:<dag@ut.example>", "250", "DATA", "354", plainMail+".", "550-nobody here\n550 5.1.1 by that name")
	w.talk("MAIL FROM:<anna@kommun.example>", "250", "RCPT TO:<cecil@ut.example>", "250", "DATA", "354", plainMail+".", "452 4.2.2 mailbox full")
}

// slowRelay takes its time.
type slowRelay struct {
	began chan struct{}
	end   chan struct{}
	once  sync.Once
}

func (s *slowRelay) Send(ctx context.Context, _ relay.Mail, r io.Reader) (relay.Reply, error) {
	if _, err := io.Copy(io.Discard, r); err != nil {
		return relay.Reply{}, err
	}
	s.once.Do(func() { close(s.began) })
	select {
	case <-s.end:
		return relay.Reply{Code: 250, Enhanced: [3]int{2, 0, 0}, Text: "late"}, nil
	case <-ctx.Done():
		return relay.Reply{}, ctx.Err()
	}
}

func TestShutdown(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		why   string
		end   bool // the message comes to its end in time
		grace time.Duration
		want  string
	}{{"a message under way is finished", true, time.Hour, "250 2.0.0 late"}, {"but not waited for longer than the grace", false, 300 * time.Millisecond, ""}} {
		t.Run(row.why, func(t *testing.T) {
			t.Parallel()
			up := &slowRelay{began: make(chan struct{}), end: make(chan struct{})}
			g := start(t, func(o *setup) { o.Relay, o.Limits.ShutdownGrace = up, row.grace })
			idle, handshake := g.wire(Connector), g.wire(Submission)
			idle.talk("", "220", "EHLO a.example", "250")
			handshake.talk("", "220")
			raw, err := net.Dial("tcp", g.addr[Submissions]) // says nothing
			if err != nil {
				t.Fatal(err)
			}
			defer raw.Close()
			busy := g.wire(Connector)
			busy.envelope()
			busy.talk("DATA", "354")
			io.WriteString(busy, plainMail+".\r\n")
			<-up.began
			stopped := make(chan struct{})
			go func() { g.stop(); close(stopped) }()
			idle.talk("", "421")
			idle.gone()
			handshake.talk("", "421")
			if _, err := net.Dial("tcp", g.addr[Connector]); err == nil {
				t.Error("still listening")
			}
			if row.end {
				time.Sleep(50 * time.Millisecond)
				close(up.end)
			}
			if got := busy.reply(); !strings.HasPrefix(got, row.want) {
				t.Errorf("the busy one was told %q", got)
			}
			busy.gone()
			<-stopped
		})
	}
}

func TestShutdownBeforeServing(t *testing.T) {
	t.Parallel()
	g := start(t, nil)
	g.stop()
}

func TestCutOff(t *testing.T) {
	t.Parallel()
	g := start(t, func(o *setup) { o.Limits.PerAddress = 1000 })
	const secure = "Message-ID: <cut@kommun.example>\r\nSubject: [secure] a\r\n\r\nSekretess\r\n.\r\n"
	for _, kind := range []Kind{Connector, Submissions} {
		login := map[Kind]string{Submissions: "AUTH PLAIN " + plainAuth(anna.String(), password) + "\r\n"}[kind]
		for _, begin := range []string{"DATA\r\n", fmt.Sprintf("BDAT %d LAST\r\n", len(secure)), fmt.Sprintf("BDAT %d\r\n", len(secure))} {
			var cuts sync.WaitGroup
			turns := make(chan bool, 8)
			for cut := 0; cut < len(secure); cut += map[Kind]int{Connector: 1, Submissions: 9}[kind] {
				turns <- true
				cuts.Go(func() {
					defer func() { <-turns }()
					w := g.wire(kind)
					fmt.Fprint(w, "EHLO a.example\r\n"+login+"MAIL FROM:<anna@kommun.example>\r\nRCPT TO:<cecil@ut.example>\r\n"+begin+secure[:cut])
					if half, ok := w.Conn.(interface{ CloseWrite() error }); ok && cut%2 == 0 {
						half.CloseWrite() // within TLS: close_notify
						for w.reply() != "" {
						}
					}
					w.Close()
				})
			}
			cuts.Wait()
		}
	}
	g.stop()
	g.empty()
	if n := strings.Count(g.log.String(), "use of closed network connection") + strings.Count(g.log.String(), "unexpected EOF"); n < 50 {
		t.Errorf("only %d were cut off within the message", n)
	}
}

// A client that talks on before the reply loses the connection and not its mail.
func TestPipelinedAfterBDATWithinTLS(t *testing.T) {
	t.Parallel()
	g := start(t, nil)
	w := g.wire(Submissions)
	w.talk("", "220", "EHLO a.example", "250", "AUTH PLAIN "+plainAuth(anna.String(), password), "235",
		"MAIL FROM:<anna@kommun.example>", "250", "RCPT TO:<cecil@ut.example>", "250")
	fmt.Fprintf(w, "BDAT %d LAST\r\n%sNOOP\r\n", len(secureMail), secureMail)
	w.talk("", "250 2.6.0 sealed as")
	for range 2 { // each in records of its own
		if r := w.reply(); r == "" || strings.HasPrefix(r, "421") {
			break
		}
		fmt.Fprintf(w, "MAIL FROM:<anna@kommun.example>\r\nRCPT TO:<cecil@ut.example>\r\n")
		w.talk("", "250", "", "250")
		fmt.Fprintf(w, "BDAT %d LAST\r\n%s", len(secureMail), secureMail)
		fmt.Fprintf(w, "NOOP\r\n")
		w.talk("", "250 2.6.0 sealed as")
	}
}

func TestTranslate(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		err   error
		want  string
		known bool
	}{
		{errNestedMail, "503 5.5.1", true}, {errNoMail, "503 5.5.1", true}, {errLogin, "530 5.7.0", true}, {errInClear, "530 5.7.0", true}, {errStartTLS, "530 5.7.0", true}, {errNoLogin, "502 5.5.1", true},
		{errMechanism, "504 5.5.4", true}, {vault.ErrBadCredentials, "535 5.7.8", true}, {errTries, "421 4.7.0", true},
		{errorIn{errSenderSyntax, policy.ErrAddress}, "553 5.1.7", true}, {errorIn{errRecipientSyntax, policy.ErrAddress}, "553 5.1.3", true},
		{errorIn{errRecipientSyntax, nil}, "553 5.1.3", true}, {errorIn{errSenderSyntax, errUTF8}, "553 5.6.7", true},
		{errNullSender, "550 5.7.1", true}, {errOtherSender, "553 5.7.1", true}, {errForeignSender, "550 5.7.1", true},
		{errTooLarge, "552 5.3.4", true}, {smtp.ErrDataTooLarge, "552 5.3.4", true}, {errBareLine, "550 5.6.0", true},
		{relay.ErrBareLine, "550 5.6.0", true}, {smtp.ErrTooLongLine, "550 5.6.0", true}, {errStalled, "451 4.4.2", true},
		{io.ErrUnexpectedEOF, "451 4.4.2", true}, {net.ErrClosed, "451 4.4.2", true}, {smtp.ErrDataReset, "451 4.4.2", true}, {context.Canceled, "451 4.3.2", true},
		{errPanic, "421 4.3.0", true},
		{vault.ErrUnscanned, "451 4.7.1", true}, {&vault.SuspectError{Found: "X"}, "550 5.7.1", true},
		{vault.ErrFull, "452 4.3.1", true}, {vault.ErrUnknownRecipient, "451 4.3.0", true},
		{vault.ErrNotFound, "451 4.3.0", false}, {vault.ErrDamaged, "451 4.3.0", false}, {vault.ErrClosed, "451 4.3.0", false},
		{vault.ErrWrongKey, "451 4.3.0", false}, {vault.ErrNoReply, "451 4.3.0", false}, {vault.ErrIncomplete, "451 4.3.0", false},
		{os.ErrDeadlineExceeded, "451 4.3.0", false}, {errors.New("secret path"), "451 4.3.0", false},
		{&smtp.SMTPError{Code: 554, Message: "secret"}, "451 4.3.0", false}, // go-smtp's own, from below
		{&relay.Error{Reply: relay.Reply{Code: 550, Enhanced: [3]int{5, 1, 1}, Text: "no"}}, "550 5.1.1", true},
		{&relay.Error{Reply: relay.Reply{Code: 451, Enhanced: [3]int{4, 4, 1}}, Cause: io.EOF}, "451 4.4.1", false},
		{refused{policy.Decision{Route: policy.Refuse, Rule: "r", Advice: "a"}}, "550 5.7.1", true},
		{sealed{}, "250 2.6.0", true}, {passed{relay.Reply{Code: 250, Enhanced: [3]int{2, 1, 5}}}, "250 2.1.5", true},
	} {
		for _, err := range []error{row.err, fmt.Errorf("wrapped: %w", row.err)} {
			reply, known := translate(err)
			if code(reply) != row.want || known != row.known {
				t.Errorf("%v is %s, known %v; want %s, %v", err, code(reply), known, row.want, row.known)
			}
			if strings.Contains(reply.Message, "secret") || reply.Code/100 != 2 && reply.Code/100 != reply.EnhancedCode[0] {
				t.Errorf("%v: %v", err, reply)
			}
		}
	}
	if d := (policy.Decision{Rule: "subject tag", Advice: "write it anew"}); !strings.Contains(must(translate(refused{d})).Message, "write it anew (rule: subject tag)") {
		t.Error("a refusal has no advice and rule")
	}
	for _, row := range table {
		if row.text == "" || row.code/100 != row.enhanced[0] {
			t.Errorf("%v: %d %v %q", row.err, row.code, row.enhanced, row.text)
		}
	}
}

func must(r *smtp.SMTPError, _ bool) *smtp.SMTPError { return r }

func TestNothingOfAMailInTheLog(t *testing.T) {
	t.Parallel()
	const marked = "From: \"Namnmarker\" <anna@kommun.example>\r\nSubject: %sAmnesmarker\r\nContent-Type: text/plain; name=Filmarker.txt\r\n\r\nTextmarker 19900101-2385\r\n"
	for _, fault := range []error{nil, errors.New("vault: away")} {
		g := start(t, func(o *setup) {
			if fault != nil {
				o.server = func(s *Server) {
					begin := s.begin
					s.begin = func(d vault.Deposit) draft { return &broken{draft: begin(d), commit: fault} }
				}
			}
			o.vault.Log = o.Log
		})
		g.upstream.OnRcpt = func(to string) error {
			if to == bo.String() {
				return &smtp.SMTPError{Code: 550, EnhancedCode: smtp.EnhancedCode{5, 7, 1}, Message: "spam: Amnesmarker"}
			}
			return nil
		}
		for _, tag := range []string{"", "[secure] "} {
			m := fmt.Sprintf(marked, tag)
			for _, to := range []policy.Address{cecil, dag, bo} {
				_, _ = g.send(m, to)
				_, _ = submit(g.client(Connector), "printer@kommun.example", m, to)
				_, _ = g.send(strings.ReplaceAll(m, "2385", "\x00"), to)
				_, _ = g.send(strings.Repeat("X: Amnesmarker\r\n", 17000)+m, to)
			}
		}
		g.stop()
		for _, word := range []string{"marker", "19900101", "2385"} {
			if strings.Contains(g.log.String(), word) {
				t.Errorf("the log has %q", word)
			}
		}
		if !strings.Contains(g.log.String(), "passed on") {
			t.Error("the log has nothing")
		}
	}
}

// TestPanicInLog: the value of a panic can be what a mail holds, so only its type is logged.
func TestPanicInLog(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	l := libraryLog{slog.New(slog.NewTextHandler(&out, nil))}
	l.Printf("panic serving %v: %v\n%s", &net.TCPAddr{}, "Subject: hemligt", []byte("the stack"))
	if got := out.String(); strings.Contains(got, "hemligt") || !strings.Contains(got, "string") || !strings.Contains(got, "the stack") {
		t.Error(got)
	}
}
