package imapd

import (
	"context"
	"testing"

	"sigill/vault"
)

func TestLegalHold(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.deposit(mail("fritt"))
	held := f.deposit(mail("bevaras"))
	f.deposit(mail("också fritt"))
	_, err := f.vault.LegalHolds().Place(context.Background(), vault.LegalHold{Message: held.ID, Reason: "tvist"})
	f.must(err)
	b := f.login(bo) // whose Sent has the other copy of each
	b.ok("SELECT Sent")
	b.ok(`STORE 1:* +FLAGS.SILENT (\Deleted)`)
	b.ok("EXPUNGE")
	w := f.login(anna)
	w.ok("SELECT INBOX")
	w.ok(`STORE 1:* +FLAGS.SILENT (\Deleted)`)
	if got := w.fails("NO [CANNOT]", "EXPUNGE"); got != "* 3 EXPUNGE\n* 1 EXPUNGE" {
		t.Errorf("expunge beside a hold: %q", got)
	}
	w.ok("CLOSE") // which cannot say NO
	if got := w.ok("STATUS INBOX (MESSAGES)"); got != "* STATUS INBOX (MESSAGES 1)" {
		t.Errorf("left: %q", got)
	}
	w.ok("CREATE Tvist")
	w.ok("SELECT INBOX")
	w.ok("MOVE 1 Tvist") // which deletes nothing
	w.fails("NO [CANNOT] Messages under legal hold are kept", "DELETE Tvist")
	if got := w.ok("STATUS Tvist (MESSAGES)"); got != `* STATUS "Tvist" (MESSAGES 1)` {
		t.Errorf("left: %q", got)
	}
}

// TestLegalHoldOfAFunctionAddress: what is filed with it cannot be moved to where it could be deleted.
func TestLegalHoldOfAFunctionAddress(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.deposit(mail("bevaras"))
	w := f.login(anna)
	w.ok("SELECT INBOX")
	w.ok("COPY 1 Shared/omsorg@kommun.example")
	_, err := f.vault.LegalHolds().Place(context.Background(), vault.LegalHold{Address: omsorg, Reason: "tvist"})
	f.must(err)
	w.ok("SELECT Shared/omsorg@kommun.example")
	w.fails("NO [CANNOT] Messages under legal hold are kept", "MOVE 1 Trash")
	w.ok(`STORE 1 +FLAGS.SILENT (\Deleted)`)
	w.fails("NO [CANNOT] Messages under legal hold are kept", "EXPUNGE")
	if got := w.ok("FETCH 1 FLAGS"); got != `* 1 FETCH (FLAGS (\Recent \Deleted))` {
		t.Errorf("left: %q", got)
	}
}
