package vault_test

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"sigill/policy"
	"sigill/vault"
	"sigill/vault/internal/kv"
	"sigill/vault/message"
)

func TestKeyFile(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "key")
	must(t, vault.CreateKeyFile(path))
	if err := vault.CreateKeyFile(path); !errors.Is(err, fs.ErrExist) {
		t.Errorf("a key file is overwritten: %v", err)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
	must(t, os.Chmod(path, 0o640))
	if _, err := vault.OpenKeyFile(path); !errors.Is(err, fs.ErrPermission) {
		t.Errorf("a key file others may read is taken: %v", err)
	}
	for why, text := range map[string]string{"empty": "", "no prefix": "c2VjcmV0", "too short": "sigill-key-1 c2VjcmV0\n", "not base64": "sigill-key-1 %%%\n"} {
		bad := filepath.Join(t.TempDir(), "key")
		must(t, os.WriteFile(bad, []byte(text), 0o600))
		if _, err := vault.OpenKeyFile(bad); err == nil {
			t.Errorf("%s: taken for a key file", why)
		}
	}
}

func TestOpenRefuses(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	id := h.deposit(mail("a@x", "Beslut"), anna, false, kim).ID
	must(t, h.Close())

	other := filepath.Join(h.dir, "other.key")
	must(t, vault.CreateKeyFile(other))
	wrong, err := vault.OpenKeyFile(other)
	must(t, err)
	if _, err := vault.Open(t.Context(), h.folder(), wrong, vault.Options{}); !errors.Is(err, vault.ErrWrongKey) {
		t.Errorf("another vault's key: %v, want ErrWrongKey", err)
	}
	inside := filepath.Join(h.folder(), "vault.key")
	must(t, vault.CreateKeyFile(inside))
	near, err := vault.OpenKeyFile(inside)
	must(t, err)
	if _, err := vault.Open(t.Context(), h.folder(), near, vault.Options{}); err == nil {
		t.Error("a key inside the vault's folder is taken")
	}
	h.open() // and no attempt harmed it
	read(t, h.reader(vault.Person(kimsID)), id)
}

func TestACutOffFileIsNotBegunAnew(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.deposit(mail("a@x", "Beslut"), anna, false, kim)
	must(t, h.Close())
	file := filepath.Join(h.folder(), "vault.db")
	whole, err := os.ReadFile(file)
	must(t, err)
	keys, err := vault.OpenKeyFile(h.keyFile())
	must(t, err)
	for _, n := range []int{0, 100, 4096} {
		must(t, os.WriteFile(file, whole[:n], 0o600))
		if v, err := vault.Open(t.Context(), h.folder(), keys, vault.Options{}); err == nil {
			t.Errorf("a file cut to %d octets opens", n)
			must(t, v.Close())
		}
		if left, err := os.ReadFile(file); err != nil || !bytes.Equal(left, whole[:n]) {
			t.Errorf("the file cut to %d octets was written to", n)
		}
	}
	must(t, os.WriteFile(file, whole, 0o600))
	h.open()
}

func TestADamagedNoticeKeepsNoOtherBack(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.deposit(mail("a@x", "Beslut"), anna, false, kim)
	damage(t, h, "job", func(b []byte) { b[len(b)/2] ^= 1 })
	h.deposit(mail("b@x", "Beslut"), anna, false, kim)
	if due := jobs(t, h); len(due) != 1 {
		t.Errorf("%d notices due beside a damaged one, want 1", len(due))
	}
}

func TestAFlippedOctetIsNeverContent(t *testing.T) {
	t.Parallel()
	for _, table := range []string{"chunk", "index", "header", "key", "message", "entry", "mailbox"} {
		t.Run(table, func(t *testing.T) {
			t.Parallel()
			h := newHouse(t)
			id := h.deposit(mail("a@x", "Beslut"), anna, false, kim).ID
			damage(t, h, table, func(b []byte) { b[len(b)/2] ^= 1 })
			r := h.reader(vault.Person(kimsID))
			err := readAll(t.Context(), r, id)
			if !errors.Is(err, vault.ErrDamaged) {
				t.Errorf("reading gives %v, want ErrDamaged", err)
			}
		})
	}
}

// damage changes every record of a table.
func damage(t *testing.T, h *house, table string, change func([]byte)) {
	t.Helper()
	must(t, vault.EngineForTest(h.Vault).Update(t.Context(), func(w kv.Writer) error {
		all := map[string][]byte{}
		for k, v := range w.Range(kv.Table(table), kv.Span{}) {
			all[string(k)] = bytes.Clone(v)
			change(all[string(k)])
		}
		for k, v := range all {
			if err := w.Put(kv.Table(table), []byte(k), v); err != nil {
				return err
			}
		}
		return nil
	}))
}

func readAll(ctx context.Context, r *vault.Reader, id vault.MessageID) error {
	boxes, err := r.Mailboxes(ctx)
	if err != nil {
		return err
	}
	for _, b := range boxes {
		entries, err := r.Entries(ctx, b.ID, 0, 0)
		if err != nil {
			return err
		}
		var failed error
		err = r.Each(ctx, b.ID, entries, vault.Wanted{Header: vault.Uncluttered}, func(_ vault.Entry, _ *message.Index, _ []byte, err error) bool {
			failed = errors.Join(failed, err)
			return true
		})
		if err := errors.Join(err, failed); err != nil {
			return err
		}
	}
	contents, err := r.Open(ctx, id)
	if err != nil {
		return err
	}
	_, err = contents[0].ReadAt(make([]byte, contents[0].Size()), 0)
	return err
}

func TestRecordsOpenInTheirPlaceOnly(t *testing.T) {
	t.Parallel()
	for _, table := range []string{"chunk", "index", "header", "key", "message"} {
		t.Run(table, func(t *testing.T) {
			t.Parallel()
			h := newHouse(t)
			a := h.deposit(mail("a@x", "Beslut"), anna, false, kim).ID
			b := h.deposit(mail("b@x", "Beslut"), anna, false, kim).ID
			must(t, vault.EngineForTest(h.Vault).Update(t.Context(), func(w kv.Writer) error {
				key := func(id vault.MessageID) []byte {
					if table == "chunk" {
						return append(id[:], 0, 0, 0, 0)
					}
					return id[:]
				}
				va, vb := bytes.Clone(w.Get(kv.Table(table), key(a))), bytes.Clone(w.Get(kv.Table(table), key(b)))
				return errors.Join(w.Put(kv.Table(table), key(a), vb), w.Put(kv.Table(table), key(b), va))
			}))
			for _, id := range []vault.MessageID{a, b} {
				if err := readAll(t.Context(), h.reader(vault.Person(kimsID)), id); !errors.Is(err, vault.ErrDamaged) {
					t.Errorf("swapped between messages: %v, want ErrDamaged", err)
				}
			}
		})
	}
}

func TestAFullVaultRefusesAndRecovers(t *testing.T) {
	t.Parallel()
	h := newHouseWith(t, vault.Options{MaxSize: 16 << 20})
	big := append(mail("a@x", "Beslut"), make([]byte, 6<<20)...)
	var last error
	kept := 0
	for last == nil && kept < 10 {
		if _, last = h.tryDeposit(big, anna, false, cia); last == nil {
			kept++
		}
	}
	if !errors.Is(last, vault.ErrFull) || kept == 0 {
		t.Fatalf("%d mails, then %v, want ErrFull", kept, last)
	}
	sent := entries(t, h.reader(vault.Staff(anna)), anna, vault.Sent)
	if len(sent) != kept {
		t.Errorf("%d mails visible, %d were taken", len(sent), kept)
	}
	for _, r := range []*vault.Reader{h.reader(vault.Staff(anna)), h.reader(vault.Staff(cia))} {
		role, owner := vault.Sent, anna
		if r.Principal().Address() == cia {
			role, owner = vault.Inbox, cia
		}
		id := box(t, r, owner, role).ID
		_, err := r.StoreFlags(t.Context(), id, []vault.UID{1}, vault.AddFlags, vault.Deleted, nil)
		must(t, err)
		_, err = r.Expunge(t.Context(), id, nil)
		must(t, err)
	}
	// Half of what was freed: runs of free pages are cut up by small records.
	if _, err := h.tryDeposit(big[:len(big)/2], anna, false, cia); err != nil {
		t.Errorf("after something was deleted: %v", err)
	}
}

// TestNoClearText looks for marker words in every octet of the vault's folder and in what is logged.
func TestNoClearText(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	h := newHouseWith(t, vault.Options{Log: logTo(&log)})
	to := policy.MustAddress("markeradress@medborgare.example")
	raw := []byte("From: Markeravsändare <anna@kommun.example>\r\nTo: Markernamn <markeradress@medborgare.example>\r\n" +
		"Subject: Markerämne\r\nMessage-ID: <markerid@kommun.example>\r\nMIME-Version: 1.0\r\n" +
		"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\nMarkertext\r\n--b\r\n" +
		"Content-Disposition: attachment; filename=markerfil.pdf\r\n\r\nmarkerbilaga\r\n--b--\r\n")
	id := h.deposit(raw, anna, true, to).ID
	staff := h.reader(vault.Staff(anna))
	must(t, staff.Complete(t.Context(), id, map[string]policy.PersonID{to.Key(): otherID}))
	person := h.reader(vault.Person(otherID))
	_, err := person.FollowLink(t.Context(), linkOf(t, h, id))
	must(t, err)
	read(t, person, id)
	w, _, err := person.Reply(t.Context(), id)
	must(t, err)
	_, err = w.Write(append(raw, make([]byte, 3<<20)...)) // staged too
	must(t, err)
	_, err = w.Commit(t.Context())
	must(t, err)

	must(t, filepath.WalkDir(h.folder(), func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		file, err := os.ReadFile(path)
		for _, b := range [][]byte{file, log.Bytes()} {
			for _, word := range []string{"arker", "anna@", "kommun.example", otherID.Digits(), otherID.Digits()[2:], "medborgare"} {
				if bytes.Contains(b, []byte(word)) {
					t.Errorf("%q is in clear", word)
				}
			}
		}
		return err
	}))
}

func TestALostFileIsNotBegunAnew(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	must(t, h.Close())
	file := filepath.Join(h.folder(), "vault.db")
	whole, err := os.ReadFile(file)
	must(t, err)
	must(t, os.Remove(file))
	keys, err := vault.OpenKeyFile(h.keyFile())
	must(t, err)
	for range 2 {
		if _, err := vault.Open(t.Context(), h.folder(), keys, vault.Options{}); !errors.Is(err, vault.ErrDamaged) {
			t.Errorf("a keyring whose vault is missing: %v, want ErrDamaged", err)
		}
	}
	must(t, os.WriteFile(file, whole, 0o600))
	h.open()
}

func TestTheKeyringBelongsToItsVault(t *testing.T) {
	t.Parallel()
	h, other := newHouse(t), newHouse(t)
	id := h.deposit(mail("a@x", "Beslut"), anna, false, kim).ID
	must(t, h.Close())
	file := filepath.Join(h.folder(), "keyring.json")
	right, err := os.ReadFile(file)
	must(t, err)
	keys, err := vault.OpenKeyFile(h.keyFile())
	must(t, err)
	theirs, err := os.ReadFile(filepath.Join(other.folder(), "keyring.json"))
	must(t, err)
	for why, text := range map[string][]byte{
		"missing":           nil,
		"cut off":           right[:len(right)/2],
		"another vault's":   theirs,
		"without any epoch": []byte(`{}`),
	} {
		must(t, os.Remove(file))
		if text != nil {
			must(t, os.WriteFile(file, text, 0o600))
		}
		if v, err := vault.Open(t.Context(), h.folder(), keys, vault.Options{}); err == nil {
			t.Errorf("a keyring that is %s opens the vault", why)
			must(t, v.Close())
		}
		if left, err := os.ReadFile(file); !bytes.Equal(left, text) {
			t.Errorf("a keyring that is %s was written to: %v", why, err)
		}
		must(t, os.WriteFile(file, right, 0o600))
	}
	h.open()
	read(t, h.reader(vault.Person(kimsID)), id)
}
