package vault_test

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
	"time"

	"sigill/policy"
	"sigill/vault"
	"sigill/vault/internal/kv"
	"sigill/vault/message"
)

// busy is a house in which something of every kind has happened.
func busy(t *testing.T) (*house, vault.MessageID) {
	t.Helper()
	c := &clock{t: time.Now().Add(-30 * 24 * time.Hour)}
	h := newHouseWith(t, vault.Options{Now: c.now, Retention: vault.Retention{Default: deposit10}})
	k := &keeper{h, c}
	h.deposit(mail("gallrat@x", "Beslut"), anna, false, kim)
	k.live(30)
	_, err := h.LegalHolds().Place(t.Context(), vault.LegalHold{Address: omsorg, Reason: "tvist"})
	must(t, err)
	id := h.deposit(append(mail("a@x", "Beslut"), make([]byte, 2<<20)...), omsorg, false, kim, cia).ID
	held := h.deposit(mail("b@x", "Beslut"), anna, true, new_).ID
	must(t, h.reader(vault.Staff(anna)).Complete(t.Context(), held, map[string]policy.PersonID{new_.Key(): otherID}))
	h.deposit(mail("c@x", "Beslut"), anna, true, policy.MustAddress("ingen@medborgare.example"))
	person := h.reader(vault.Person(otherID))
	_, err = person.FollowLink(t.Context(), linkOf(t, h, held))
	must(t, err)
	w, _, err := person.Reply(t.Context(), held)
	must(t, err)
	_, err = w.Write(mail("d@x", "Sv: Beslut"))
	must(t, err)
	_, err = w.Commit(t.Context())
	must(t, err)
	read(t, h.reader(vault.Staff(cia)), id)
	_, err = h.Audit().Checkpoint(t.Context())
	must(t, err)
	must(t, h.Outbox().Sent(t.Context(), jobs(t, h)[0]))
	must(t, h.Directory().PutFormer(t.Context(), otherID, kimsID, "eid"))
	must(t, person.KeepReplyDraft(t.Context(), held, "Hej"))
	return h, id
}

func verify(t testing.TB, v *vault.Vault) vault.Report {
	t.Helper()
	r, err := v.Verify(t.Context(), nil)
	must(t, err)
	return r
}

func TestVerifyAcceptsWhatTheVaultDoes(t *testing.T) {
	t.Parallel()
	h, _ := busy(t)
	r := verify(t, h.Vault)
	if len(r.Faults) != 0 || r.Messages != 4 || r.Chunks < 12 || r.Events == 0 || r.Entries < 8 {
		t.Errorf("report %+v", r)
	}
	must(t, h.Maintain(t.Context(), nil))
	h.restart()
	if r := verify(t, h.Vault); len(r.Faults) != 0 {
		t.Errorf("after maintenance: %q", r.Faults)
	}
}

func TestVerifyFindsDamageOfEveryKind(t *testing.T) {
	t.Parallel()
	for _, table := range []string{"key", "chunk", "index", "header", "message", "messageid", "mailbox", "entry", "account", "function", "binding", "link", "job", "audit", "checkpoint", "legalhold", "disposal", "former", "replydraft"} {
		t.Run("a flipped octet in "+table, func(t *testing.T) {
			t.Parallel()
			h, _ := busy(t)
			damage(t, h, table, func(b []byte) { b[len(b)-1] ^= 1 })
			if r := verify(t, h.Vault); len(r.Faults) == 0 {
				t.Error("verify finds nothing")
			}
		})
	}
	for _, table := range []string{"key", "chunk", "index", "message", "mailbox", "owner", "entry", "where", "audit"} {
		t.Run("a missing record of "+table, func(t *testing.T) {
			t.Parallel()
			h, _ := busy(t)
			must(t, vault.EngineForTest(h.Vault).Update(t.Context(), func(w kv.Writer) error {
				for k := range w.Range(kv.Table(table), kv.Span{}) {
					return w.Delete(kv.Table(table), bytes.Clone(k))
				}
				return errors.New("the table is empty")
			}))
			if r := verify(t, h.Vault); len(r.Faults) == 0 {
				t.Error("verify finds nothing")
			}
		})
	}
}

// TestVerifyComparesHeaders: a header that is sealed by itself is the one that the message begins with.
func TestVerifyComparesHeaders(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	raw := mail("a@x", "Beslut")
	id, header := h.deposit(raw, anna, false, kim).ID, raw[:message.HeaderEnd(raw)]
	for _, change := range []func([]byte) []byte{
		func(b []byte) []byte { return append([]byte("X"), b[1:]...) },
		func(b []byte) []byte { return b[:len(b)-2] },
	} {
		must(t, vault.PutHeaderForTest(h.Vault, id, change(bytes.Clone(header))))
		if got := faults(t, h); len(got) != 1 {
			t.Errorf("verify tells %q", got)
		}
	}
	must(t, vault.PutHeaderForTest(h.Vault, id, header))
	if got := faults(t, h); len(got) != 0 {
		t.Errorf("verify tells %q", got)
	}
}

func TestARestoredVaultIsTheSame(t *testing.T) {
	t.Parallel()
	h, id := busy(t)
	want := read(t, h.reader(vault.Person(kimsID)), id)
	boxes, err := h.reader(vault.Staff(anna)).Mailboxes(t.Context())
	must(t, err)
	var stream bytes.Buffer
	must(t, h.Backup(t.Context(), &stream))

	copied := filepath.Join(t.TempDir(), "vault")
	must(t, vault.Restore(t.Context(), copied, bytes.NewReader(stream.Bytes())))
	if err := vault.Restore(t.Context(), copied, bytes.NewReader(stream.Bytes())); !errors.Is(err, fs.ErrExist) {
		t.Errorf("restoring over a vault: %v", err)
	}
	keys, err := vault.OpenKeyFile(h.keyFile())
	must(t, err)
	v, err := vault.Open(t.Context(), copied, keys, vault.Options{})
	must(t, err)
	defer func() { must(t, v.Close()) }()
	if r := verify(t, v); len(r.Faults) != 0 {
		t.Errorf("the restored vault: %q", r.Faults)
	}
	r, err := v.Reader(t.Context(), vault.Person(kimsID), vault.DoorWeb)
	must(t, err)
	defer r.Close()
	if got := read(t, r, id); !bytes.Equal(got, want) {
		t.Error("a message reads otherwise")
	}
	staff, err := v.Reader(t.Context(), vault.Staff(anna), vault.DoorWeb)
	must(t, err)
	defer staff.Close()
	again, err := staff.Mailboxes(t.Context())
	must(t, err)
	for i := range boxes {
		boxes[i].UIDNext += 1 << 20 // what the backup knows nothing of had some of them
		if boxes[i] != again[i] {
			t.Errorf("mailbox %+v became %+v", boxes[i], again[i])
		}
	}
}

func TestABackupThatIsNotWholeRestoresNothing(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.deposit(mail("a@x", "Beslut"), anna, false, kim)
	var stream bytes.Buffer
	must(t, h.Backup(t.Context(), &stream))
	whole := stream.Bytes()
	bad := map[string][]byte{
		"something follows": append(bytes.Clone(whole), 0),
		"nothing":           nil,
		"another format":    []byte("PK\x03\x04 not a backup at all"),
	}
	for n := 1; n < len(whole); n += len(whole) / 40 {
		bad[fmt.Sprint("cut off at ", n)] = whole[:n]
		flipped := bytes.Clone(whole)
		flipped[n] ^= 0x10
		bad[fmt.Sprint("flipped at ", n)] = flipped
	}
	for why, b := range bad {
		dir := filepath.Join(t.TempDir(), "vault")
		if err := vault.Restore(t.Context(), dir, bytes.NewReader(b)); !errors.Is(err, vault.ErrBackup) {
			t.Errorf("%s: %v, want ErrBackup", why, err)
		}
		left, err := os.ReadDir(dir)
		must(t, err)
		if len(left) != 0 {
			t.Errorf("%s: left %v", why, left)
		}
	}
}
