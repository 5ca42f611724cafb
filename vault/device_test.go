package vault_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"sigill/policy"
	"sigill/vault"
)

var home = netip.MustParseAddr("192.0.2.1")

func (h *house) login(door vault.Door, a policy.Address, password string) error {
	got, err := h.Directory().Authenticate(h.t.Context(), vault.Login{Address: a.String(), Password: password, Door: door, From: home})
	if err == nil && got.Address != a {
		h.t.Errorf("in as %s", got.Address)
	}
	return err
}

func (h *house) device(a policy.Address, name string) (vault.Device, string) {
	h.t.Helper()
	d, password, err := h.Directory().AddDevice(h.t.Context(), a, name, policy.Address{})
	must(h.t, err)
	return d, password
}

// events are the lines of the audit with that action, as "actor result detail".
func (h *house) events(action string) (out []string) {
	h.t.Helper()
	must(h.t, h.Audit().Events(h.t.Context(), 0, func(e vault.Event) bool {
		if e.Action == action {
			out = append(out, e.Actor+" "+e.Result+" "+e.Detail)
		}
		return true
	}))
	return out
}

func TestDevicePassword(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	phone, secret := h.device(anna, " Annas telefon ")
	_, other := h.device(anna, "Thunderbird")
	if !regexp.MustCompile(`^([a-z2-7]{5}-){5}[a-z2-7]$`).MatchString(secret) || phone.Name != "Annas telefon" || !phone.Used.IsZero() || secret == other {
		t.Fatalf("made %+v, a password of %d characters", phone, len(secret))
	}
	bad := vault.ErrBadCredentials
	for _, row := range []struct {
		why      string
		door     vault.Door
		who      policy.Address
		password string
		want     error
	}{
		{"submission", vault.DoorSMTP, anna, secret, nil},
		{"IMAP", vault.DoorIMAP, anna, secret, nil},
		{"as somebody types it", vault.DoorIMAP, anna, strings.ToUpper(strings.ReplaceAll(secret, "-", " ")), nil},
		{"every device has its own", vault.DoorIMAP, anna, other, nil},
		{"a device password does not open the web, where more could be made", vault.DoorWeb, anna, secret, bad},
		{"the account's own opens the web only", vault.DoorWeb, anna, "secret anna", nil},
		{"and not IMAP", vault.DoorIMAP, anna, "secret anna", bad},
		{"nor submission", vault.DoorSMTP, anna, "secret anna", bad},
		{"somebody else's", vault.DoorIMAP, bo, secret, bad},
		{"cut off", vault.DoorIMAP, anna, secret[:len(secret)-1], bad},
		{"empty", vault.DoorIMAP, anna, "", bad},
		{"hyphens only", vault.DoorIMAP, cia, "-----", bad},
		{"a function address has no devices", vault.DoorIMAP, omsorg, secret, bad},
	} {
		if err := h.login(row.door, row.who, row.password); !errors.Is(err, row.want) {
			t.Errorf("%s: %v", row.why, err)
		}
	}
	h.restart()
	must(t, h.login(vault.DoorIMAP, anna, secret))
	must(t, h.Maintain(t.Context(), nil))
	must(t, h.login(vault.DoorIMAP, anna, secret))

	must(t, h.Directory().RevokeDevice(t.Context(), anna, phone.ID, anna))
	if err := h.login(vault.DoorIMAP, anna, secret); !errors.Is(err, vault.ErrBadCredentials) {
		t.Errorf("revoked: %v", err)
	}
	must(t, h.login(vault.DoorIMAP, anna, other))
	if err := h.Directory().RevokeDevice(t.Context(), anna, phone.ID, anna); !errors.Is(err, vault.ErrNotFound) {
		t.Errorf("revoked twice: %v", err)
	}
	if got := h.events("revoke device"); len(got) != 1 || got[0] != anna.Key()+" ok "+phone.ID+" of "+anna.Key() {
		t.Errorf("audit: %q", got)
	}
	if got := h.events("add device"); len(got) != 2 || !strings.HasPrefix(got[0], "system ok ") {
		t.Errorf("audit: %q", got)
	}
	raw, err := os.ReadFile(filepath.Join(h.folder(), "vault.db"))
	must(t, err)
	for _, clear := range []string{secret, strings.ReplaceAll(secret, "-", ""), "telefon"} {
		if bytes.Contains(raw, []byte(clear)) {
			t.Error("a password or a device's name lies in clear in the file")
		}
	}
	report, err := h.Verify(t.Context(), nil)
	must(t, err)
	if len(report.Faults) > 0 {
		t.Error(report.Faults)
	}
}

func TestMailPasswords(t *testing.T) {
	t.Parallel()
	h := newHouseWith(t, vault.Options{MailPasswords: true})
	_, secret := h.device(anna, "dator")
	must(t, h.login(vault.DoorIMAP, anna, secret))
	must(t, h.login(vault.DoorIMAP, anna, "secret anna"))
	must(t, h.login(vault.DoorSMTP, anna, "secret anna"))
	if err := h.login(vault.DoorSMTP, anna, "secret bo"); !errors.Is(err, vault.ErrBadCredentials) {
		t.Error(err)
	}
}

// TestAChangedPasswordEndsWhatItOpened, be it a reader or a right to send; who came in by a device stays.
func TestAChangedPasswordEndsWhatItOpened(t *testing.T) {
	t.Parallel()
	h := newHouseWith(t, vault.Options{MailPasswords: true})
	d := h.Directory()
	_, secret := h.device(anna, "dator")
	enter := func(password string) (*vault.Reader, vault.Principal) {
		a, err := d.Authenticate(t.Context(), vault.Login{Address: anna.String(), Password: password, Door: vault.DoorIMAP})
		must(t, err)
		return h.reader(a.Principal()), a.Principal()
	}
	byPassword, who := enter("secret anna")
	byDevice, _ := enter(secret)
	inbox := box(t, byPassword, anna, vault.Inbox).ID
	account, err := d.Account(t.Context(), anna)
	must(t, err)
	must(t, d.PutAccount(t.Context(), account, "another secret"))
	if _, err := byPassword.Entries(t.Context(), inbox, 0, 0); !errors.Is(err, vault.ErrNotFound) {
		t.Errorf("a reader of the old password lists: %v", err)
	}
	if _, err := d.MaySendAs(t.Context(), who, anna); !errors.Is(err, vault.ErrEnded) {
		t.Errorf("who came in by the old password may send: %v", err)
	}
	if _, err := byDevice.Entries(t.Context(), inbox, 0, 0); err != nil {
		t.Errorf("who came in by a device password: %v", err)
	}
}

func TestDevices(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 25, 10, 0, 0, 0, time.UTC)
	h := newHouseWith(t, vault.Options{Now: func() time.Time { return now }})
	for _, name := range []string{"", "  ", strings.Repeat("å", 65), "rad\r\nbryt", "\u202eevil"} {
		if _, _, err := h.Directory().AddDevice(t.Context(), anna, name, anna); !errors.Is(err, vault.ErrDeviceName) {
			t.Errorf("%q: %v", name, err)
		}
	}
	if _, _, err := h.Directory().AddDevice(t.Context(), omsorg, "x", anna); !errors.Is(err, vault.ErrNotFound) {
		t.Errorf("of a function address: %v", err)
	}
	_, first := h.device(anna, strings.Repeat("å", 64))
	now = now.Add(time.Minute)
	h.device(anna, "två")
	h.device(bo, "hans")
	var writes []int
	for range 3 {
		before := vault.CountForTest(h.Vault, "audit")
		must(t, h.login(vault.DoorIMAP, anna, first))
		writes = append(writes, vault.CountForTest(h.Vault, "audit")-before)
		now = now.Add(31 * time.Minute)
	}
	if fmt.Sprint(writes) != "[1 0 1]" {
		t.Errorf("lines in the audit at each login: %v", writes)
	}
	all, err := h.Directory().Devices(t.Context(), anna)
	must(t, err)
	if len(all) != 2 || all[1].Name != "två" || !all[1].Used.IsZero() || all[0].Used.IsZero() || now.Sub(all[0].Used) > time.Hour || !all[0].Created.Before(all[1].Created) {
		t.Errorf("devices %+v", all)
	}
	for range 48 {
		h.device(anna, "en till")
	}
	if _, _, err := h.Directory().AddDevice(t.Context(), anna, "en för mycket", anna); !errors.Is(err, vault.ErrTooManyDevices) {
		t.Error(err)
	}
}

func TestLoginsInTheAudit(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	_, secret := h.device(anna, "dator")
	must(t, h.login(vault.DoorIMAP, anna, secret))
	for range 7 {
		h.login(vault.DoorSMTP, bo, "fel")
	}
	if err := h.login(vault.DoorSMTP, bo, "fel"); !errors.Is(err, vault.ErrTooManyTries) {
		t.Errorf("the eighth wrong password: %v", err)
	}
	_, err := h.Directory().Authenticate(t.Context(), vault.Login{Address: "mitt hemliga lösenord", Password: "x", Door: vault.DoorWeb, From: home})
	if !errors.Is(err, vault.ErrBadCredentials) {
		t.Error(err)
	}
	got := h.events("login")
	want := append([]string{""}, slices.Repeat([]string{bo.Key() + " refused smtp from 192.0.2.1"}, 5)...)
	want = append(want, "unknown refused web from 192.0.2.1")
	if len(got) != len(want) || !strings.HasPrefix(got[0], anna.Key()+" ok imap from 192.0.2.1 by device ") {
		t.Fatalf("audit:\n%s", strings.Join(got, "\n"))
	}
	for i := range want[1:] {
		if got[i+1] != want[i+1] {
			t.Errorf("line %d: %q", i+1, got[i+1])
		}
	}
}

func TestToken(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	down := errors.New("the issuer does not answer")
	for _, row := range []struct {
		why, typed, address string
		err, want           error
	}{
		{"a token for an account", "", "Anna@kommun.example", nil, nil},
		{"that says so too", "anna@KOMMUN.example", "anna@kommun.example", nil, nil},
		{"a token of somebody else's", "bo@kommun.example", "anna@kommun.example", nil, vault.ErrBadCredentials},
		{"a token for nobody here", "", "dag@kommun.example", nil, vault.ErrBadCredentials},
		{"a token for a function address", "", "omsorg@kommun.example", nil, vault.ErrBadCredentials},
		{"a token for no address", "", "anna", nil, vault.ErrBadCredentials},
		{"a token that is no good", "", "", vault.ErrBadCredentials, vault.ErrBadCredentials},
		{"what is not the client's fault", "", "", down, down},
	} {
		a, err := h.Directory().AuthenticateToken(t.Context(), vault.Login{Address: row.typed, Door: vault.DoorIMAP, From: home},
			func(context.Context) (string, error) { return row.address, row.err })
		if !errors.Is(err, row.want) || (err == nil) != (a.Address == anna) {
			t.Errorf("%s: %+v, %v", row.why, a, err)
		}
	}
}

// elsewhere is a directory where everybody's password is their local part.
type elsewhere struct{ down error }

func (e elsewhere) Check(_ context.Context, a policy.Address, password string) error {
	if e.down == nil && password != a.Local {
		return vault.ErrBadCredentials
	}
	return e.down
}

func TestPasswordsElsewhere(t *testing.T) {
	t.Parallel()
	h := newHouseWith(t, vault.Options{Passwords: elsewhere{}})
	for _, row := range []struct {
		why      string
		door     vault.Door
		who      policy.Address
		password string
		want     error
	}{
		{"the directory's password", vault.DoorWeb, anna, "anna", nil},
		{"the one the account was made with", vault.DoorWeb, anna, "secret anna", vault.ErrBadCredentials},
		{"who is in the directory and has no account", vault.DoorWeb, kim, "kim", vault.ErrBadCredentials},
		{"a function address", vault.DoorWeb, omsorg, "omsorg", vault.ErrBadCredentials},
		{"IMAP still asks for a device password", vault.DoorIMAP, anna, "anna", vault.ErrBadCredentials},
	} {
		if err := h.login(row.door, row.who, row.password); !errors.Is(err, row.want) {
			t.Errorf("%s: %v", row.why, err)
		}
	}
	down := errors.New("the directory does not answer")
	h = newHouseWith(t, vault.Options{Passwords: elsewhere{down}})
	for range 20 {
		if err := h.login(vault.DoorWeb, anna, "anna"); !errors.Is(err, down) || errors.Is(err, vault.ErrBadCredentials) {
			t.Fatalf("down, which is not the client's fault: %v", err)
		}
	}
	_, secret := h.device(anna, "dator")
	must(t, h.login(vault.DoorIMAP, anna, secret))
}
