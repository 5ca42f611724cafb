package imapd

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"sigill/policy"
	"sigill/vault"
)

func TestFetchStoresWhatItServes(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	raw := mail("Ärende 1")
	f.deposit(raw)
	w := f.login(anna)
	if got := w.ok("SELECT INBOX"); !strings.Contains(got, "* 1 EXISTS\n* 1 RECENT\n* OK [UNSEEN 1]") || !strings.Contains(got, `[PERMANENTFLAGS (\Seen \Answered \Flagged \Deleted \Draft \*)]`) {
		t.Errorf("select: %s", got)
	}
	if got := w.ok("FETCH 1 BODY.PEEK[]"); literalOf(got) != raw {
		t.Errorf("not what was deposited: %q", got)
	}
	if got := w.ok("FETCH 1 FLAGS"); got != `* 1 FETCH (FLAGS (\Recent))` {
		t.Errorf("PEEK set a flag: %s", got)
	}
	want := fmt.Sprintf("* 1 FETCH (UID 1 RFC822 {%d}\r\n%s)\n* 1 FETCH (UID 1 FLAGS (\\Recent \\Seen))", len(raw), raw)
	if got := w.ok("FETCH 1 RFC822"); got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if got := w.ok("FETCH 1 (UID FLAGS RFC822.SIZE)"); got != fmt.Sprintf("* 1 FETCH (UID 1 FLAGS (\\Recent \\Seen) RFC822.SIZE %d)", len(raw)) {
		t.Errorf("got %s", got)
	}
	if got := w.ok("FETCH 1 ENVELOPE"); got != `* 1 FETCH (ENVELOPE ("Tue, 24 Nov 2026 10:00:00 +0100" "=?utf-8?q?=C3=84rende_1?=" `+
		`(("Bo Ek" NIL "bo" "kommun.example")) (("Bo Ek" NIL "bo" "kommun.example")) (("Bo Ek" NIL "bo" "kommun.example")) `+
		`((NIL NIL "anna" "kommun.example")) NIL NIL NIL {26}`+"\r\n<Ärende.1@kommun.example>))" {
		t.Errorf("got %q", got)
	}
	for _, c := range [][2]string{
		{"BODY.PEEK[1]<3.3>", "!\r\n"}, {"BODY.PEEK[]<1.9223372036854775807>", raw[1:]}, {"BODY.PEEK[]<4000000000.5>", ""},
		{"BODY.PEEK[HEADER.FIELDS (to X-None)]", "To: anna@kommun.example\r\n\r\n"},
		{"BODY.PEEK[HEADER.FIELDS (to)]<3.5>", " anna"},
		{"BODY.PEEK[2]", ""}, {"BODY.PEEK[1.HEADER]", ""}, {"BODY.PEEK[0]", ""}, {"BODY.PEEK[1.2.3.4]", ""},
	} {
		if got := w.ok("FETCH 1 %s", c[0]); literalOf(got) != c[1] || !strings.Contains(got, fmt.Sprintf("{%d}\r\n", len(c[1]))) {
			t.Errorf("%s: %q, want %q", c[0], got, c[1])
		}
	}
	w.fails("BAD", "FETCH 1 BODY.PEEK[MIME]")
	w.fails("BAD", "FETCH 1 BODY.PEEK[]<4294967296.5>")
	w.fails("BAD", "FETCH 7 FLAGS")
	w.ok("FETCH $ FLAGS")
	if got := w.ok("UID FETCH 7 FLAGS"); got != "" {
		t.Errorf("a UID that is not there: %s", got)
	}
}

func TestExamineIsReadOnly(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.deposit(mail("ett"))
	w := f.login(anna)
	if got := w.ok("EXAMINE INBOX"); !strings.Contains(got, "[PERMANENTFLAGS ()]") {
		t.Errorf("examine: %s", got)
	}
	w.fails("NO [CANNOT]", `STORE 1 +FLAGS (\Deleted)`)
	w.fails("NO [CANNOT]", `MOVE 1 Trash`)
	w.fails("NO [CANNOT]", `EXPUNGE`)
	w.ok("FETCH 1 BODY[]")
	if got := w.ok("FETCH 1 FLAGS"); got != `* 1 FETCH (FLAGS (\Recent))` {
		t.Errorf("reading set a flag: %s", got)
	}
	w.ok("COPY 1 Trash")
	other := f.login(anna)
	other.ok("SELECT INBOX")
	other.ok(`STORE 1 +FLAGS.SILENT (\Deleted)`)
	w.ok("CLOSE")
	other.ok("NOOP")
	if got := other.ok("FETCH 1 FLAGS"); got != `* 1 FETCH (FLAGS (\Recent \Deleted))` {
		t.Errorf("CLOSE in EXAMINE expunged: %s", got)
	}
	other.ok("CLOSE")
	if got := other.ok("STATUS INBOX (MESSAGES)"); got != "* STATUS INBOX (MESSAGES 0)" {
		t.Errorf("CLOSE did not expunge: %s", got)
	}
}

func TestFiling(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	for i := range 5 {
		f.deposit(mail(fmt.Sprintf("brev %d", i)))
	}
	w := f.login(anna)
	f.open(anna, "INBOX")
	w.ok("SELECT INBOX")
	if got := w.ok(`UID STORE 2:3 FLAGS (\Flagged $Viktigt)`); !strings.HasSuffix(got, "\n"+`* 2 FETCH (UID 2 FLAGS (\Flagged $Viktigt))`+"\n"+`* 3 FETCH (UID 3 FLAGS (\Flagged $Viktigt))`) {
		t.Errorf("store: %s", got)
	}
	if got := w.ok(`STORE 2 -FLAGS.SILENT (\Flagged)`); got != "" {
		t.Errorf("silent: %s", got)
	}
	w.fails("BAD", `STORE 1 +FLAGS (\Recent)`)
	_, status := w.do("COPY 2:3 Shared/omsorg@kommun.example")
	if !strings.HasPrefix(status, "OK [COPYUID ") || !strings.HasSuffix(status, " 2:3 1:2] COPY completed") {
		t.Errorf("copy: %s", status)
	}
	if got := w.ok("UID MOVE 5,4 Trash"); !strings.Contains(got, " 4:5 1:2] COPY completed\n* 5 EXPUNGE\n* 4 EXPUNGE") {
		t.Errorf("move: %s", got)
	}
	w.fails("NO [TRYCREATE]", "COPY 1 Projekt")
	w.ok(`STORE 1:2 +FLAGS.SILENT (\Deleted)`)
	if got := w.ok("UID EXPUNGE 2:9"); got != "* 2 EXPUNGE" {
		t.Errorf("uid expunge: %s", got)
	}
	if got := w.ok("EXPUNGE"); got != "* 1 EXPUNGE" {
		t.Errorf("expunge: %s", got)
	}
	if got := w.ok("FETCH 1:* (UID FLAGS)"); got != `* 1 FETCH (UID 3 FLAGS (\Flagged $Viktigt))` {
		t.Errorf("what is left: %s", got)
	}
	f.open(anna, "Shared/omsorg@kommun.example")
	w.ok("SELECT Shared/omsorg@kommun.example")
	if got := w.ok("FETCH 1:* (UID FLAGS)"); got != `* 1 FETCH (UID 1 FLAGS ($Viktigt))`+"\n"+`* 2 FETCH (UID 2 FLAGS (\Flagged $Viktigt))` {
		t.Errorf("the copies: %s", got)
	}
	w.ok("UNSELECT")
	w.fails("BAD", "FETCH 1 FLAGS")
}

func TestAppend(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	w := f.login(anna)
	raw := mail("utkast")
	w.ok("SELECT Drafts")
	w.send("a APPEND Drafts (\\Draft \\Seen $X) \"01-Nov-2026 10:20:30 +0100\" {%d}\r\n", len(raw))
	if got := w.response(); !strings.HasPrefix(got, "+ ") {
		t.Fatalf("got %q", got)
	}
	w.send("%s\r\n", raw)
	if got := w.response() + w.response(); got != "* 1 EXISTS\r\n* 1 RECENT\r\n" {
		t.Errorf("the mailbox is open: %q", got)
	}
	w.response() // FLAGS
	w.response() // PERMANENTFLAGS
	if got := w.response(); !strings.HasPrefix(got, "a OK [APPENDUID ") || !strings.HasSuffix(got, " 1] APPEND completed\r\n") {
		t.Errorf("append: %q", got)
	}
	want := fmt.Sprintf("* 1 FETCH (UID 1 FLAGS (\\Recent \\Seen \\Draft $X) INTERNALDATE \" 1-Nov-2026 09:20:30 +0000\" BODY[] {%d}\r\n%s)", len(raw), raw)
	if got := w.ok("FETCH 1 (FLAGS INTERNALDATE BODY.PEEK[])"); got != want {
		t.Errorf("got %q\nwant %q", got, want)
	}
	w.fails("NO [CANNOT]", "APPEND Drafts {0}\r\n")
	w.fails("NO [TRYCREATE]", "APPEND Projekt {3+}\r\nabc")
	// A client that goes away in the middle leaves nothing.
	w.send("b APPEND Drafts {5000}\r\n")
	w.response()
	w.send("Subject: halv")
	w.Close()
	if got := f.login(anna).ok("STATUS Drafts (MESSAGES)"); got != "* STATUS \"Drafts\" (MESSAGES 1)" {
		t.Errorf("half a message was kept: %s", got)
	}
}

func TestTwoSessions(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	for i := range 4 {
		f.deposit(mail(fmt.Sprintf("brev %d", i)), omsorg)
	}
	a, b := f.login(anna), f.login(bo)
	a.ok(`SELECT "Shared/omsorg@kommun.example"`)
	b.ok(`SELECT "Shared/omsorg@kommun.example"`)
	a.ok(`STORE 2 +FLAGS.SILENT (\Deleted)`)
	a.ok(`EXPUNGE`)
	// While b may be speaking in sequence numbers, they mean what they meant.
	if got := b.fails("NO [EXPUNGEISSUED]", "FETCH 1:3 UID"); got != "* 1 FETCH (UID 1)\n* 3 FETCH (UID 3)" {
		t.Errorf("fetch: %q", got)
	}
	b.fails("NO [EXPUNGEISSUED]", "FETCH 2 (BODY.PEEK[] ENVELOPE)")
	b.fails("NO [EXPUNGEISSUED]", `STORE 2 +FLAGS (\Seen)`)
	if got := b.ok(`STORE 3 +FLAGS.SILENT (\Flagged)`); got != "" {
		t.Errorf("store: %q", got)
	}
	if got, status := b.do("SEARCH ALL"); fmt.Sprint(got) != "[* SEARCH 1 3 4]" || status != "OK [EXPUNGEISSUED] SEARCH completed" {
		t.Errorf("search: %q, %s", got, status)
	}
	if _, status := b.do("SEARCH 1"); status != "OK [EXPUNGEISSUED] SEARCH completed" {
		t.Errorf("search again: %s", status)
	}
	f.deposit(mail("nytt"), omsorg)
	if got := b.ok("FETCH 3 UID"); got != "* 3 FETCH (UID 3)\n* 5 EXISTS\n* 1 RECENT" {
		t.Errorf("a message comes while an expunge is held back: %q", got)
	}
	if got := b.ok("UID FETCH 2 FLAGS"); got != "* 2 EXPUNGE" {
		t.Errorf("after a command with UIDs: %q", got)
	}
	if got := a.ok("NOOP"); got != "* 4 EXISTS\n* 2 FETCH (UID 3 FLAGS (\\Recent \\Flagged))" {
		t.Errorf("a hears: %q", got)
	}

	b.send("i IDLE\r\n")
	b.response()
	a.ok(`UID STORE 3 FLAGS (\Deleted)`)
	if got := b.response(); got != "* 2 FETCH (UID 3 FLAGS (\\Deleted))\r\n" {
		t.Errorf("idle: %q", got)
	}
	a.ok("EXPUNGE")
	if got := b.response(); got != "* 2 EXPUNGE\r\n" {
		t.Errorf("idle: %q", got)
	}
	f.deposit(mail("till"), omsorg)
	if got := b.response() + b.response(); got != "* 4 EXISTS\r\n* 2 RECENT\r\n" {
		t.Errorf("idle: %q", got)
	}
	// Access ends with membership.
	f.members(anna)
	f.deposit(mail("hemligt"), omsorg)
	if got := b.response(); !strings.HasPrefix(got, "* BYE You no longer have access") {
		t.Errorf("a member no more: %q", got)
	}
}

func TestMembershipEnds(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.deposit(mail("brev"), omsorg)
	b := f.login(bo)
	b.ok(`SELECT "Shared/omsorg@kommun.example"`)
	f.members(anna)
	b.fails("NO [NONEXISTENT]", "FETCH 1 BODY[]")
	b.fails("NO [NONEXISTENT]", `STATUS "Shared/omsorg@kommun.example" (MESSAGES)`)
	b.ok("SELECT INBOX")
}

func TestReadsAreInTheAudit(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	for i := range 3 {
		f.deposit(mail(fmt.Sprint(i)))
	}
	w := f.login(anna)
	w.ok("SELECT INBOX")
	w.ok("FETCH 1:* (FLAGS ENVELOPE BODYSTRUCTURE)")
	w.ok("FETCH 1:* (BODY.PEEK[HEADER.FIELDS (From Subject)] BODY.PEEK[HEADER])")
	w.ok("SEARCH SUBJECT hej FROM bo")
	if n := f.events("search texts"); n != 0 {
		t.Errorf("%d searches in texts by indexes", n)
	}
	w.ok("SEARCH TEXT nope BODY nope")
	if n := f.events("search texts"); n != 1 {
		t.Errorf("%d searches in texts, want 1 for all messages", n)
	}
	if n := f.reads(); n != 0 {
		t.Errorf("%d reads by listing and searching", n)
	}
	w.ok("FETCH 1:2 BODY.PEEK[]")
	w.ok("FETCH 1:2 BODY[]")
	if n := f.reads(); n != 2 {
		t.Errorf("%d reads of two messages", n)
	}
}

// TestReadsInAFunctionAddress: one member's reading shows to all, and each member's first is in the audit, in the own name.
func TestReadsInAFunctionAddress(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.deposit(mail("brev"), omsorg)
	a, b := f.login(anna), f.login(bo)
	a.ok("SELECT Shared/omsorg@kommun.example")
	b.ok("SELECT Shared/omsorg@kommun.example")
	a.ok("FETCH 1 BODY[]")
	if got := b.ok("NOOP"); got != `* 1 FETCH (UID 1 FLAGS (\Seen))` {
		t.Errorf("another member is told %q", got)
	}
	b.ok("FETCH 1 BODY[]")
	a.ok("FETCH 1 BODY[]")
	var readers []string
	f.must(f.vault.Audit().Events(t.Context(), 0, func(e vault.Event) bool {
		if e.Action == "read" {
			readers = append(readers, e.Actor)
		}
		return true
	}))
	if !slices.Equal(readers, []string{anna.Key(), bo.Key()}) {
		t.Errorf("read by %q", readers)
	}
}

func (f *fixture) reads() int { return f.events("read") }

// events counts what Anna did by IMAP in the audit.
func (f *fixture) events(action string) (n int) {
	f.must(f.vault.Audit().Events(context.Background(), 0, func(e vault.Event) bool {
		if e.Action == action && e.Detail == string(vault.DoorIMAP) && e.Actor == anna.Key() {
			n++
		}
		return true
	}))
	return n
}

func TestSearch(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.deposit(mail("Vårdplan för Åsa"))
	f.deposit(strings.Replace(mail("annat"), "Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit",
		"X-Ref: =?iso-8859-1?q?=D6vrigt?=\r\nContent-Type: text/plain; charset=iso-8859-1\r\nContent-Transfer-Encoding: quoted-printable", 1) +
		"\r\nF=F6rskola i Kn=\r\nislinge" + strings.Repeat(".", 200<<10) + " slut")
	f.deposit(strings.Replace(mail("tredje"), "24 Nov 2026", "1 Jan 2020", 1))
	w := f.login(anna)
	w.ok("SELECT INBOX")
	w.ok(`STORE 3 +FLAGS (\Flagged $Viktigt)`)
	size := len(mail("tredje"))
	for _, c := range []struct{ keys, want string }{
		{"ALL", " 1 2 3"}, {"FLAGGED", " 3"}, {"UNFLAGGED", " 1 2"}, {"KEYWORD $viktigt", " 3"}, {"NEW", " 1 2 3"}, {"OLD", ""},
		{"1,3", " 1 3"}, {"2:*", " 2 3"}, {"UID 2:9", " 2 3"}, {"NOT 1", " 2 3"}, {"OR 1 3", " 1 3"}, {"7:9", ""},
		{"CHARSET UTF-8 SUBJECT \"åsa\"", " 1"}, {"CHARSET UTF-8 SUBJECT \"a\u030asa\"", " 1"},
		{"FROM \"bo ek\"", " 1 2 3"}, {"FROM <bo@KOMMUN.example>", " 1 2 3"}, {"CC \"\"", ""}, {"TO \"\"", " 1 2 3"},
		{"HEADER Message-ID <tredje@kommun.example>", " 3"}, {"HEADER X-Ref \"\"", " 2"}, {"HEADER X-Ref övrigt", " 2"},
		{"BODY \"ärendet ÄR klart\"", " 1 3"}, {"BODY \"förskola i knislinge\"", " 2"}, {"BODY slut", " 2"}, {"BODY tredje", ""},
		{"TEXT tredje", " 3"}, {"NOT BODY slut", " 1 3"}, {"OR BODY slut SUBJECT tredje", " 2 3"}, {"BODY slut SEEN", ""},
		{"SENTBEFORE 1-Feb-2020", " 3"}, {"SENTON 24-Nov-2026", " 1 2"}, {"SINCE 1-Jan-2000", " 1 2 3"}, {"BEFORE 1-Jan-2000", ""},
		{fmt.Sprintf("LARGER %d", size), " 1 2"}, {fmt.Sprintf("SMALLER %d", size+1), " 3"}, {"(SEEN) (FLAGGED)", ""},
		// The library loses a SMALLER that is followed by a date or LARGER.
		{fmt.Sprintf("SMALLER %d SINCE 1-Jan-2000", size+1), " 3"}, {"SMALLER 1 LARGER 1", ""}, {"SMALLER 0", ""}, {"SMALLER 1", ""},
		{fmt.Sprintf("OR (SMALLER %d SENTSINCE 1-Jan-2000) SUBJECT annat", size+1), " 2 3"},
		{fmt.Sprintf("SUBJECT {1+}\r\nt smaller %d SENTBEFORE 1-Jan-2026", size+1), " 3"},
		{fmt.Sprintf("NOT SMALLER %d SINCE 1-Jan-2000", size+1), " 1 2"}, {`SUBJECT "a \" SMALLER 5"`, ""}, {"SUBJECT SMALLER LARGER 1", ""},
		{"HEADER X-Ref SMALLER 1:*", ""}, {strings.Repeat("ALL ", 2000) + fmt.Sprintf("SMALLER %d LARGER 1", size+1), " 3"},
	} {
		if got := w.ok("SEARCH %s", c.keys); got != "* SEARCH"+c.want {
			t.Errorf("%s: %q, want %q", c.keys, got, c.want)
		}
	}
	if got := w.ok("UID SEARCH RETURN (MIN MAX COUNT ALL) 2:3"); !strings.HasSuffix(got, `UID ALL 2:3 MIN 2 MAX 3 COUNT 2`) {
		t.Errorf("esearch: %s", got)
	}
	if got := w.ok("SEARCH RETURN () DELETED"); !strings.HasPrefix(got, "* ESEARCH (TAG ") {
		t.Errorf("esearch of nothing: %s", got)
	}
	w.fails("NO", "SEARCH YOUNGER 5")
	w.fails("NO [BADCHARSET]", "SEARCH CHARSET KOI8-R ALL")
}

// TestSavedSearch is RFC 5182. The client is told nothing of what is only saved.
func TestSavedSearch(t *testing.T) {
	t.Parallel()
	f := newFixture(t, func(c *Config) { c.Limits.SearchSize = 10_000 })
	for i := range 5 {
		f.deposit(mail(fmt.Sprint("brev ", i)))
	}
	w := f.login(anna)
	w.ok("SELECT INBOX")
	for _, c := range []struct{ command, want, saved, why string }{
		{"NOOP", "", "", "nothing is saved at first"},
		{"SEARCH RETURN (SAVE) 2:4", "", " 2 3 4", "only saved"},
		{"SEARCH RETURN (SAVE) NOT $", "", " 1 5", "$ in SEARCH is what was saved before"},
		{"uid search return (save) UID $ SUBJECT {4+}\r\nbrev", "", " 1 5", "with UIDs, in any case, over a literal"},
		{"SEARCH RETURN (SAVE ALL) 2:4", `* ESEARCH (TAG "%s") ALL 2:4`, " 2 3 4", "saved and told"},
		{"SEARCH RETURN (COUNT SAVE MIN) 2:4", `* ESEARCH (TAG "%s") MIN 2 COUNT 3`, " 2 3 4", "with COUNT all are saved"},
		{"SEARCH RETURN (SAVE MIN) 2:4", `* ESEARCH (TAG "%s") MIN 2`, " 2", "with MIN alone that"},
		{"SEARCH RETURN (SAVE MAX) 2:4", `* ESEARCH (TAG "%s") MAX 4`, " 4", "with MAX alone that"},
		{"SEARCH RETURN (SAVE MIN MAX) 2:4", `* ESEARCH (TAG "%s") MIN 2 MAX 4`, " 2 4", "or both"},
		{"SEARCH RETURN (ALL) 5", `* ESEARCH (TAG "%s") ALL 5`, " 2 4", "without SAVE it stays"},
		{"SEARCH 1", "* SEARCH 1", " 2 4", "without RETURN, too"},
		{"SEARCH RETURN (SAVE) DELETED", "", "", "nothing found"},
	} {
		want := c.want
		if strings.Contains(want, "%") {
			want = fmt.Sprintf(want, fmt.Sprint("t", w.tag+1))
		}
		if got := w.ok("%s", c.command); got != want {
			t.Errorf("%s: %q, want %q (%s)", c.command, got, want, c.why)
		}
		if got := w.ok("SEARCH $"); got != "* SEARCH"+c.saved {
			t.Errorf("%s: saved %q, want %q (%s)", c.command, got, c.saved, c.why)
		}
	}
	w.ok("SEARCH RETURN (SAVE) 2:4")
	w.fails("BAD", "SEARCH RETURN (SAVE NONSENSE) ALL")
	if got := w.ok("STORE $ +FLAGS.SILENT (\\Flagged)"); got != "" {
		t.Errorf("store: %q", got)
	}
	if got := w.ok("FETCH $ FLAGS"); got != "* 2 FETCH (FLAGS (\\Recent \\Flagged))\n* 3 FETCH (FLAGS (\\Recent \\Flagged))\n* 4 FETCH (FLAGS (\\Recent \\Flagged))" {
		t.Errorf("fetch: %q", got)
	}
	w.ok("STORE 3 +FLAGS.SILENT (\\Deleted)")
	w.ok("UID EXPUNGE $")
	if got := w.ok("SEARCH $"); got != "* SEARCH 2 3" {
		t.Errorf("what is expunged is left out: %q", got)
	}
	if got := w.ok("MOVE $ Trash"); !strings.Contains(got, "COPYUID") || strings.Count(got, "EXPUNGE") != 2 {
		t.Errorf("move: %q", got)
	}
	w.ok("COPY $ Trash") // nothing is no fault (RFC 5182 section 2.1)
	w.ok("SEARCH RETURN (SAVE) ALL")
	f.deposit(mail("stort") + strings.Repeat("x", 20_000))
	w.ok("NOOP")
	w.fails("NO [LIMIT]", "SEARCH RETURN (SAVE) BODY nope")
	if got := w.ok("SEARCH $"); got != "* SEARCH" {
		t.Errorf("after a failure nothing is saved: %q", got)
	}
	w.ok("SEARCH RETURN (SAVE) ALL")
	w.ok("EXAMINE INBOX")
	if got := w.ok("SEARCH $"); got != "* SEARCH" {
		t.Errorf("in a mailbox that is opened anew: %q", got)
	}
}

func TestSearchIsBounded(t *testing.T) {
	t.Parallel()
	f := newFixture(t, func(c *Config) { c.Limits.SearchSize = 1000 })
	f.deposit(mail("stort") + strings.Repeat("x", 10_000))
	w := f.login(anna)
	w.ok("SELECT INBOX")
	w.fails("NO [LIMIT]", "SEARCH BODY nope")
	w.ok("SEARCH SUBJECT nope")
}

func TestSelectedShownAnew(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	w := f.login(anna)
	w.ok("SELECT INBOX")
	var uids []vault.UID
	for i := range 70 {
		f.deposit(mail(fmt.Sprint(i)))
		uids = append(uids, vault.UID(i+1))
	}
	w.ok("NOOP")
	r, err := f.vault.Reader(f.Context(), vault.Staff(anna), vault.DoorWeb)
	f.must(err)
	defer r.Close()
	id := f.inbox(anna)
	for i := range 62 { // 4340 changes, more than a watch keeps
		how := []vault.FlagChange{vault.AddFlags, vault.RemoveFlags}[i%2]
		_, err := r.StoreFlags(f.Context(), id, uids, how, vault.Flagged, nil)
		f.must(err)
	}
	_, err = r.StoreFlags(f.Context(), id, uids[1:2], vault.SetFlags, vault.Answered|vault.Deleted, nil)
	f.must(err)
	_, err = r.StoreFlags(f.Context(), id, uids[:1], vault.SetFlags, vault.Deleted, nil)
	f.must(err)
	_, err = r.Expunge(f.Context(), id, uids[:1])
	f.must(err)
	f.deposit(mail("sist"))
	got := w.ok("NOOP")
	if !strings.HasPrefix(got, "* 1 EXPUNGE\n* 70 EXISTS\n* 1 FETCH (UID 2 FLAGS (\\Recent \\Answered \\Deleted))\n* 2 FETCH (UID 3 FLAGS (\\Recent))") {
		t.Errorf("after too many changes: %q", got)
	}
}

func (f *fixture) inbox(who policy.Address) vault.MailboxID {
	r, err := f.vault.Reader(f.Context(), vault.Staff(who), vault.DoorWeb)
	f.must(err)
	defer r.Close()
	all, err := r.Mailboxes(f.Context())
	f.must(err)
	for _, m := range all {
		if m.Role == vault.Inbox && !m.Shared {
			return m.ID
		}
	}
	f.Fatal("no inbox")
	return 0
}

// TestSentTellsStatus: a sender's mail program hears in Sent what becomes of a message.
func TestSentTellsStatus(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.deposit(mail("ett"))
	w := f.login(bo)
	w.ok("SELECT Sent")
	if got := w.ok("FETCH 1 FLAGS"); got != `* 1 FETCH (FLAGS (\Seen $SigillDelivered))` {
		t.Errorf("it has come: %s", got)
	}
	w.send("i IDLE\r\n")
	w.response()
	reads := f.login(anna)
	reads.ok("SELECT INBOX")
	reads.ok("FETCH 1 BODY.PEEK[]")
	if got := w.response(); !strings.HasSuffix(got, "$SigillDelivered $SigillOpened)\r\n") {
		t.Errorf("a keyword that is new to it: %q", got)
	}
	w.response() // PERMANENTFLAGS
	if got := w.response(); got != "* 1 FETCH (UID 1 FLAGS (\\Seen $SigillOpened))\r\n" {
		t.Errorf("it is read: %q", got)
	}
	w.send("DONE\r\n")
	w.response()
	if got := w.ok(`STORE 1 FLAGS (\Flagged $SigillReplied)`); got != `* 1 FETCH (UID 1 FLAGS (\Flagged $SigillOpened))` {
		t.Errorf("a client makes up a status: %s", got)
	}
	r, err := f.vault.Reader(t.Context(), vault.Staff(bo), vault.DoorWeb)
	f.must(err)
	defer r.Close()
	boxes, err := r.Mailboxes(t.Context())
	f.must(err)
	sent := boxes[slices.IndexFunc(boxes, func(m vault.Mailbox) bool { return m.Role == vault.Sent && !m.Shared })]
	if all, err := r.Entries(t.Context(), sent.ID, 0, 0); err != nil || !slices.Equal(all[0].Keywords, []string{"$SigillOpened"}) {
		t.Errorf("stored: %v %v", all, err)
	}
	if got := w.ok("SEARCH KEYWORD $SigillOpened"); got != "* SEARCH 1" {
		t.Errorf("search: %s", got)
	}
}
