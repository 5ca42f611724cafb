package imapd

import (
	"strings"
	"testing"
	"time"
)

// TestRevokedDevice: who revokes the password of a lost telephone ends what is logged in with it, too.
func TestRevokedDevice(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.deposit(mail("ett"))
	d := f.vault.Directory()
	device, secret, err := d.AddDevice(t.Context(), anna, "telefon", anna)
	f.must(err)
	with := func() *wire {
		w := f.dial()
		w.ok("LOGIN %s %s", anna, secret)
		return w
	}
	idle, reads, lists := with(), with(), with()
	idle.ok("SELECT INBOX")
	idle.send("i IDLE\r\n")
	idle.response()
	reads.ok("SELECT INBOX")
	reads.ok("FETCH 1 BODY.PEEK[]")
	other := f.login(anna)
	other.ok("SELECT INBOX")
	f.must(d.RevokeDevice(t.Context(), anna, device.ID, anna))
	for _, command := range []string{"FETCH 1 BODY.PEEK[]", "FETCH 1 (FLAGS ENVELOPE)", "SEARCH ALL", `STORE 1 +FLAGS (\Flagged)`, "COPY 1 Trash"} {
		if got := reads.fails("NO ", "%s", command); strings.Contains(got, "FETCH") || strings.Contains(got, "SEARCH 1") {
			t.Errorf("%s: %q", command, got)
		}
	}
	f.deposit(mail("två"))
	if got := idle.response(); !strings.HasPrefix(got, "* BYE This login has ended") {
		t.Errorf("in IDLE: %q", got)
	}
	if got := lists.fails("NO [AUTHORIZATIONFAILED]", `LIST "" *`); got != "" {
		t.Errorf("LIST: %q", got)
	}
	if got := lists.response(); !strings.HasPrefix(got, "* BYE This login has ended") {
		t.Errorf("after LIST: %q", got)
	}
	if got := other.ok("NOOP"); got != "* 2 EXISTS\n* 1 RECENT" {
		t.Errorf("who is logged in otherwise: %q", got)
	}
}

// TestIdleEndsWithAccess: also where nothing happens that the client would be told.
func TestIdleEndsWithAccess(t *testing.T) {
	t.Parallel()
	f := newFixture(t, func(c *Config) { c.Limits.AccessCheck = 10 * time.Millisecond })
	d := f.vault.Directory()
	device, secret, err := d.AddDevice(t.Context(), anna, "telefon", anna)
	f.must(err)
	in := func(who, password, command string) *wire {
		w := f.dial()
		w.ok(`LOGIN %s "%s"`, who, password)
		w.ok("%s", command)
		w.send("i IDLE\r\n")
		w.response()
		return w
	}
	const function = "SELECT Shared/omsorg@kommun.example"
	phone, noMailbox := in(anna.String(), secret, "SELECT INBOX"), in(anna.String(), secret, "NOOP")
	former, member := in(bo.String(), password, function), in(anna.String(), password, function)
	f.must(d.RevokeDevice(t.Context(), anna, device.ID, anna))
	f.members(anna)
	for _, c := range []struct {
		*wire
		want, why string
	}{
		{phone, "* BYE This login has ended", "revoked"},
		{noMailbox, "* BYE This login has ended", "revoked, no mailbox selected"},
		{former, "* BYE You no longer have access to this mailbox", "no member any more"},
	} {
		if got := c.response(); !strings.HasPrefix(got, c.want) {
			t.Errorf("%s: %q", c.why, got)
		}
	}
	f.deposit(mail("ett"), omsorg)
	if got := member.response(); got != "* 1 EXISTS\r\n" {
		t.Errorf("who has access: %q", got)
	}
}

// TestRemovedAccount: an account that is removed ends with all that is logged in to it.
func TestRemovedAccount(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.deposit(mail("ett"))
	w := f.login(anna)
	w.ok("SELECT INBOX")
	f.members(bo)
	f.must(f.vault.Administration("system").RemoveAccount(t.Context(), anna))
	w.fails("NO ", "FETCH 1 (FLAGS BODY.PEEK[])")
	w.fails("NO ", "STATUS INBOX (MESSAGES)")
	if got := w.response(); !strings.HasPrefix(got, "* BYE This login has ended") {
		t.Errorf("after STATUS: %q", got)
	}
}

// TestDeletedFolder: a folder of one's own that another program deletes is empty then, and no reason to hang up.
func TestDeletedFolder(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.deposit(mail("ett"))
	w, other := f.login(anna), f.login(anna)
	w.ok("CREATE Projekt")
	w.ok("SELECT INBOX")
	w.ok("COPY 1 Projekt")
	other.ok("SELECT Projekt")
	w.ok("DELETE Projekt")
	if got := other.ok("NOOP"); got != "* 1 EXPUNGE\n* 0 RECENT" {
		t.Errorf("told: %q", got)
	}
	other.ok("SELECT INBOX")
}
