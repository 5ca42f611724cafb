package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"sigill/cmd/sigill/internal/client"
	"sigill/cmd/sigill/internal/demo"
)

// words are the commands of testdata/script.
var words = map[string]func(*testscript.TestScript, bool, []string){
	"demo": demoWord, "world": worldWord, "submit": submitWord, "mail": mailWord, "nomail": noMailWord, "follow": followWord,
	"browse": browseWord, "complete": completeWord, "ask": askWord, "settle": settleWord, "save": saveWord, "reply": replyWord, "imap": imapWord, "sealed": sealedWord,
	"passed": passedWord, "leaks": leaksWord, "usage": usageWord,
}

func sceneOf(ts *testscript.TestScript) *scene { return ts.Value("scene").(*scene) }

// want fails a script whose command did not end as it says.
func want(ts *testscript.TestScript, neg, ok bool, format string, args ...any) {
	if ok == neg {
		ts.Fatalf(format, args...)
	}
}

func use(ts *testscript.TestScript, ok bool, usage string) {
	if !ok {
		ts.Fatalf("usage: %s", usage)
	}
}

// demo start | stop | restart [DURATION]: the state stays; with a duration the gateway's clock is that much later.
func demoWord(ts *testscript.TestScript, _ bool, args []string) {
	use(ts, len(args) > 0, "demo start|stop|restart [later]")
	s := sceneOf(ts)
	var later time.Duration
	if len(args) > 1 {
		var err error
		later, err = time.ParseDuration(args[1])
		ts.Check(err)
	}
	if args[0] != "start" {
		ts.Check(s.stop())
	}
	if args[0] != "stop" {
		ts.Check(s.start(later))
	}
}

// world down | up | refuse STAGE CODE [TO]: faults of the upstream relay.
func worldWord(ts *testscript.TestScript, _ bool, args []string) {
	use(ts, len(args) == 1 || len(args) == 3 || len(args) == 4, "world down|up|refuse STAGE CODE [TO]")
	sink := sceneOf(ts).stage.sink
	switch args[0] {
	case "refuse":
		var code int
		_, err := fmt.Sscan(args[2], &code)
		ts.Check(err)
		sink.SetFault(demo.Fault{Stage: demo.Stage(args[1]), Code: code, Text: "the world says no", To: strings.Join(args[3:], "")})
	default:
		sink.SetFault(demo.Fault{})
		ts.Check(sink.SetDown(args[0] == "down"))
	}
}

// submit WHO FILE [-from ADDRESS] [TO…]: WHO is staff by first name, or "connector". The reply is on stdout.
func submitWord(ts *testscript.TestScript, neg bool, args []string) {
	use(ts, len(args) >= 2, "submit WHO FILE [-from ADDRESS] [TO…]")
	who, file, rest, from := args[0], ts.MkAbs(args[1]), args[2:], ""
	if len(rest) > 1 && rest[0] == "-from" {
		from, rest = rest[1], rest[2:]
	}
	code, text, err := sceneOf(ts).submit(who, file, from, rest)
	ts.Check(err)
	fmt.Fprintln(ts.Stdout(), code, text)
	want(ts, neg, code == 250, "the gateway answered %d %s", code, text)
}

// mail TO [FILE]: waits for the next mail that left for an address; its text is on stdout and $LINK is its link's path.
func mailWord(ts *testscript.TestScript, _ bool, args []string) {
	use(ts, len(args) == 1 || len(args) == 2, "mail TO [FILE]")
	s := sceneOf(ts)
	m, err := s.next(args[0])
	ts.Check(err)
	if len(args) == 2 {
		ts.Check(os.WriteFile(ts.MkAbs(args[1]), m.Data, 0o600))
	}
	ts.Setenv("LINK", s.link)
	fmt.Fprintf(ts.Stdout(), "from %s to %s\n%s\n", m.From, strings.Join(m.To, " "), strings.Join(client.Texts(m.Data), "\n"))
}

// nomail TO: nothing more has left for an address.
func noMailWord(ts *testscript.TestScript, _ bool, args []string) {
	use(ts, len(args) == 1, "nomail TO")
	s := sceneOf(ts)
	for _, m := range s.stage.sink.Mails() {
		for _, to := range m.To {
			if to == args[0] && m.Number > s.seen[to] {
				ts.Fatalf("mail %d left for %s", m.Number, to)
			}
		}
	}
}

// follow WHO [PATH]: a person, by first name or number, follows the last notice's link and logs in with e-ID.
func followWord(ts *testscript.TestScript, neg bool, args []string) {
	use(ts, len(args) == 1 || len(args) == 2, "follow WHO [PATH]")
	s, path := sceneOf(ts), ""
	if path = s.link; len(args) == 2 {
		path = args[1]
	}
	number, err := numberOfPerson(args[0])
	ts.Check(err)
	page, err := s.follow(context.Background(), s.browserOf(args[0]), s.stage.places.Web+path, number)
	ts.Check(err)
	fmt.Fprint(ts.Stdout(), s.see(args[0], page))
	want(ts, neg, isOK(page), "%s sees %d at %s", args[0], page.Status, page.URL.Path)
}

// browse WHO PATH: opens a page of the web; staff log in if they have to.
func browseWord(ts *testscript.TestScript, neg bool, args []string) {
	use(ts, len(args) == 2, "browse WHO PATH")
	s := sceneOf(ts)
	address := s.stage.places.Web + args[1]
	var page *client.Page
	var err error
	if staff, ok := staffCalled(args[0]); ok {
		page, err = s.staffAt(context.Background(), s.browserOf(args[0]), staff, address)
	} else {
		page, err = s.browserOf(args[0]).Open(context.Background(), address)
	}
	ts.Check(err)
	fmt.Fprint(ts.Stdout(), s.see(args[0], page))
	want(ts, neg, isOK(page), "%s sees %d at %s", args[0], page.Status, page.URL.Path)
}

// complete WHO ADDRESS=NUMBER…: staff give identities on the page they have open.
func completeWord(ts *testscript.TestScript, neg bool, args []string) {
	use(ts, len(args) >= 2, "complete WHO ADDRESS=NUMBER…")
	s := sceneOf(ts)
	page, err := s.pageOf(args[0])
	ts.Check(err)
	err = s.complete(context.Background(), s.browserOf(args[0]), page, func(field string) string {
		for _, pair := range args[1:] {
			if address, number, _ := strings.Cut(pair, "="); strings.Contains(field, address) {
				return number
			}
		}
		return ""
	})
	want(ts, neg, err == nil, "%v", err)
}

// ask WHO ADDRESS: on the page that is open staff let a recipient identify.
func askWord(ts *testscript.TestScript, neg bool, args []string) {
	use(ts, len(args) == 2, "ask WHO ADDRESS")
	choose(ts, neg, args[0], "/holds/", "ask:"+args[1], "on")
}

// settle WHO approve|reject: on the page that is open staff answer who a recipient is said to be.
func settleWord(ts *testscript.TestScript, neg bool, args []string) {
	use(ts, len(args) == 2, "settle WHO approve|reject")
	choose(ts, neg, args[0], "/claims", "answer", args[1])
}

// choose submits the form that leads to a path, with one thing chosen. The page after it is on stdout.
func choose(ts *testscript.TestScript, neg bool, who, to, name, value string) {
	s := sceneOf(ts)
	page, err := s.pageOf(who)
	ts.Check(err)
	form, err := page.FormTo(to)
	if err == nil {
		err = form.Choose(name, value)
	}
	ts.Check(err)
	page, err = s.browserOf(who).Submit(context.Background(), form, nil)
	ts.Check(err)
	fmt.Fprint(ts.Stdout(), s.see(who, page))
	want(ts, neg, isOK(page), "%s sees %d at %s", who, page.Status, page.URL.Path)
}

// save WHO WHAT FILE: WHAT is raw or pdf of the message a browser shows, part:NAME one of its files, or written: the mail
// its last receipt is for.
func saveWord(ts *testscript.TestScript, _ bool, args []string) {
	use(ts, len(args) == 3, "save WHO raw|pdf|part:NAME|written FILE")
	s, ctx := sceneOf(ts), context.Background()
	b := s.browserOf(args[0])
	var content []byte
	if args[1] == "written" {
		var err error
		content, err = s.written(ctx, b, s.receipts[args[0]])
		ts.Check(err)
	} else {
		page, err := s.pageOf(args[0])
		ts.Check(err)
		content, err = s.download(ctx, b, page, "/"+args[1])
		ts.Check(err)
	}
	ts.Check(os.WriteFile(ts.MkAbs(args[2]), content, 0o600))
}

// reply WHO TEXT [FILE]: a person answers the message their browser shows. The receipt is on stdout.
func replyWord(ts *testscript.TestScript, _ bool, args []string) {
	use(ts, len(args) == 2 || len(args) == 3, "reply WHO TEXT [FILE]")
	s := sceneOf(ts)
	page, err := s.pageOf(args[0])
	ts.Check(err)
	var files []client.File
	if len(args) == 3 {
		content, err := os.ReadFile(ts.MkAbs(args[2]))
		ts.Check(err)
		files = append(files, client.File{Name: filepath.Base(args[2]), Type: "application/octet-stream", Content: content})
	}
	receipt, err := s.journey.reply(context.Background(), s.browserOf(args[0]), page, args[1], files...)
	ts.Check(err)
	s.receipts[args[0]] = receipt
	fmt.Fprintln(ts.Stdout(), receipt.Text())
}

// imap WHO MAILBOX [FILE]: staff fetch all of a mailbox. The number of messages is on stdout, the newest in FILE.
func imapWord(ts *testscript.TestScript, neg bool, args []string) {
	use(ts, len(args) == 2 || len(args) == 3, "imap WHO MAILBOX [FILE]")
	staff, ok := staffCalled(args[0])
	use(ts, ok, "imap WHO MAILBOX [FILE]")
	all, err := sceneOf(ts).account(staff).Fetch(context.Background(), args[1])
	want(ts, neg, err == nil, "%v", err)
	fmt.Fprintln(ts.Stdout(), len(all), "messages")
	if len(args) == 3 {
		use(ts, len(all) > 0, "imap of a mailbox that is not empty")
		ts.Check(os.WriteFile(ts.MkAbs(args[2]), all[len(all)-1].Raw, 0o600))
	}
}

// sealed SENT GOT: what came is what was sent, less the tag.
func sealedWord(ts *testscript.TestScript, neg bool, args []string) {
	use(ts, len(args) == 2, "sealed SENT GOT")
	err := client.SameLessTag(client.Canonical([]byte(ts.ReadFile(args[0]))), []byte(ts.ReadFile(args[1])))
	want(ts, neg, err == nil, "%v", err)
}

// passed SENT GOT: what came is what was sent, but for one Received field.
func passedWord(ts *testscript.TestScript, neg bool, args []string) {
	use(ts, len(args) == 2, "passed SENT GOT")
	err := client.SameButReceived(client.Canonical([]byte(ts.ReadFile(args[0]))), []byte(ts.ReadFile(args[1])))
	want(ts, neg, err == nil, "%v", err)
}

// leaks NOTICE SECRET: the notice gives away something of the mail.
func leaksWord(ts *testscript.TestScript, neg bool, args []string) {
	use(ts, len(args) == 2, "leaks NOTICE SECRET")
	err := client.Leaks([]byte(ts.ReadFile(args[0])), []byte(ts.ReadFile(args[1])))
	want(ts, neg, err != nil, "%v", err)
}

// usage CODE COMMAND…: a command that fails with this exit code, nothing on stdout and one line on stderr.
func usageWord(ts *testscript.TestScript, _ bool, args []string) {
	use(ts, len(args) >= 2, "usage CODE COMMAND…")
	err := ts.Exec(args[1], args[2:]...)
	var exit *exec.ExitError
	if !errors.As(err, &exit) || fmt.Sprint(exit.ExitCode()) != args[0] {
		ts.Fatalf("ended with %v, not %s", err, args[0])
	}
	if out := ts.ReadFile("stdout"); out != "" {
		ts.Fatalf("it wrote %q", out)
	}
	if said := ts.ReadFile("stderr"); strings.Count(said, "\n") != 1 || !strings.HasPrefix(said, "sigill: ") {
		ts.Fatalf("not one line: %q", said)
	}
}
