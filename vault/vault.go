package vault

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"time"

	"sigill/policy"
	"sigill/vault/internal/kv"
	"sigill/vault/internal/seal"
)

// Options are what Open may be told. The zero value is right for most.
type Options struct {
	Log *slog.Logger     // discards if nil
	Now func() time.Time // time.Now if nil
	// MaxSize of the vault's file in octets; past it deposits fail with ErrFull. 0 = no limit but the disk's.
	MaxSize int64
	// Retention says what is disposed of and when; nothing if zero.
	Retention Retention
	// MailPasswords lets account passwords open submission and IMAP too. Without it only device passwords and tokens do.
	MailPasswords bool
	// Passwords checks account passwords elsewhere, in place of those PutAccount was given; nil: here.
	Passwords PasswordChecker
	// PasswordMemory is what Argon2id takes for a new password, in KiB; what OWASP gives if 0. Tests take less.
	PasswordMemory uint32
	// Reminders of messages that nobody opens; none if zero.
	Reminders Reminders
	// Scanner looks for malware in all that comes in; nil: nobody does.
	Scanner Scanner
	// FenceUnscanned takes persons' replies also while the scanner gives no verdict, behind a fence until it does. Without it
	// they are ErrUnscanned, as all else is.
	FenceUnscanned bool
	// Housekeeping is how often Run disposes and maintains; daily if 0, never if negative.
	Housekeeping time.Duration
}

// fileName is the vault's file in its folder.
const fileName = "vault.db"

// Vault is an open vault. Its methods may be called by many goroutines.
type Vault struct {
	kv  kv.Engine
	log *slog.Logger
	now func() time.Time

	ring   *keyring
	lookup *seal.Key // keyed hashes
	run    [16]byte  // names this run of the process, to tell its staged chunks from orphans

	maintaining sync.Mutex // one at a time
	boxes       openMailboxes

	hub       hub
	outbox    *Outbox
	passwords *passwords
	throttle  *throttle

	mailPasswords bool
	elsewhere     PasswordChecker // nil: account passwords are checked here

	scanner        Scanner // nil: nobody looks
	fenceUnscanned bool

	retention    Retention
	reminders    Reminders
	housekeeping time.Duration
}

// Open opens the vault in the folder dir, or makes one if the folder holds none. A key file must not lie in dir, or
// whoever takes the folder has both. ErrWrongKey if the key is another vault's; ErrDamaged if the file is not a vault: it
// is never begun anew over an existing file; ErrNewer if it is of a newer version. One of an older version is brought up
// to date, which an older version cannot open any more.
func Open(ctx context.Context, dir string, keys KeyWrapper, o Options) (*Vault, error) {
	return openVault(ctx, dir, keys, o, migrations())
}

func openVault(ctx context.Context, dir string, keys KeyWrapper, o Options, steps []migration) (*Vault, error) {
	if file, ok := keys.(*KeyFile); ok {
		if err := file.outside(dir); err != nil {
			return nil, err
		}
	}
	if err := o.Retention.check(); err != nil {
		return nil, err
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("vault: %w", err)
	}
	if lost(dir) {
		return nil, fmt.Errorf("%w: %s has the keyring of a vault whose %s is missing: restore a backup", ErrDamaged, dir, fileName)
	}
	engine, err := kv.OpenBolt(filepath.Join(dir, fileName), kv.BoltOptions{MaxSize: o.MaxSize, Together: together, Growing: growing})
	if err != nil {
		return nil, fmt.Errorf("vault: open %s: %w", dir, mapError(err))
	}
	ring, err := loadKeys(ctx, dir, engine, keys, len(steps)+1)
	if err != nil {
		return nil, fmt.Errorf("vault: open %s: %w", dir, mapError(closeAfter(err, engine)))
	}
	v := newVault(engine, ring, o)
	if err := v.migrate(ctx, steps); err != nil {
		return nil, closeAfter(err, engine)
	}
	if err := v.afterRestore(ctx); err != nil {
		return nil, closeAfter(err, engine)
	}
	return v, nil
}

// Names in the meta table, beside those of counters.
const (
	metaSchema = "schema"
	metaVault  = "vault" // tells whose the keyring is
	metaEpoch  = "epoch" // the newest epoch something was sealed in
)

// loadKeys gives the vault's keyring, which is made at the vault's first opening and never again. newest is the schema of
// a new vault.
func loadKeys(ctx context.Context, dir string, engine kv.Engine, keys KeyWrapper, newest int) (*keyring, error) {
	var version int
	var id string
	var epoch []byte
	err := engine.View(ctx, func(r kv.Reader) (err error) {
		id, epoch = string(r.Get(tMeta, []byte(metaVault))), bytes.Clone(r.Get(tMeta, []byte(metaEpoch)))
		version, err = schemaOf(r.Get(tMeta, []byte(metaSchema)), newest)
		return err
	})
	if err != nil {
		return nil, err
	}
	ring, err := openKeyring(ctx, dir, keys)
	switch {
	case version == 0 && errors.Is(err, fs.ErrNotExist):
		if ring, err = createKeyring(ctx, dir, keys, time.Now()); err == nil {
			err = begin(ctx, engine, ring, newest)
		}
		return ring, err
	case err != nil:
		return nil, err
	case version == 0 && ring.file.Begun:
		return nil, fmt.Errorf("%w: the file is empty, and was not: restore a backup", ErrDamaged)
	case version == 0: // a first opening ended between keyring and file
		return ring, begin(ctx, engine, ring, newest)
	case len(epoch) != 4:
		return nil, fmt.Errorf("%w: no epoch", ErrDamaged)
	case id == string(ring.file.Vault) && ring.has(binary.BigEndian.Uint32(epoch)):
		return ring, nil
	}
	whole, err := ring.belongs(ctx, engine)
	switch {
	case err != nil:
		return nil, err
	case whole:
		return nil, fmt.Errorf("%w: its keyring opens it, and its table meta tells of another", ErrDamaged)
	case id == string(ring.file.Vault) && binary.BigEndian.Uint32(epoch) < ring.current:
		// An epoch is forgotten when the vault's file is past it.
		return nil, fmt.Errorf("%w: %s is older than its keyring: restore a whole backup", ErrDamaged, fileName)
	case id != string(ring.file.Vault):
		return nil, fmt.Errorf("%w: the keyring is another vault's", ErrWrongKey)
	}
	return nil, fmt.Errorf("%w: the keyring is older than the vault", ErrWrongKey)
}

// begin writes the first records of a new vault.
func begin(ctx context.Context, engine kv.Engine, ring *keyring, schema int) error {
	err := engine.Update(ctx, func(w kv.Writer) error {
		return errors.Join(
			w.Put(tMeta, []byte(metaSchema), schemaText(schema)),
			w.Put(tMeta, []byte(metaVault), ring.file.Vault),
			w.Put(tMeta, []byte(metaEpoch), be32(ring.current)),
		)
	})
	if err != nil {
		return err
	}
	return ring.begun()
}

// closeAfter closes the engine after a failed opening; the failure is what the caller must know.
func closeAfter(err error, engine kv.Engine) error {
	if e := engine.Close(); e != nil {
		return fmt.Errorf("%w (and closing: %w)", err, e)
	}
	return err
}

func newVault(engine kv.Engine, ring *keyring, o Options) *Vault {
	v := &Vault{
		kv:        engine,
		log:       o.Log,
		now:       o.Now,
		ring:      ring,
		lookup:    ring.lookup,
		passwords: newPasswords(o.PasswordMemory),
		boxes:     openMailboxes{},

		mailPasswords: o.MailPasswords,
		elsewhere:     o.Passwords,

		scanner:        o.Scanner,
		fenceUnscanned: o.FenceUnscanned,

		retention:    o.Retention,
		reminders:    o.Reminders,
		housekeeping: o.Housekeeping,
	}
	if v.log == nil {
		v.log = slog.New(slog.DiscardHandler)
	}
	if v.now == nil {
		v.now = time.Now
	}
	v.throttle = newThrottle(v.now)
	rand.Read(v.run[:])
	v.outbox = &Outbox{v: v, wake: make(chan struct{}, 1)}
	return v
}

// Run does the vault's housekeeping until ctx ends: it clears away what crashed deposits left behind, and then
// disposes, maintains and signs the audit at each interval. What goes wrong in these is logged and tried again next time.
func (v *Vault) Run(ctx context.Context) error {
	if err := v.collectOrphans(ctx); err != nil && ctx.Err() == nil {
		return fmt.Errorf("vault: collect orphans: %w", err)
	}
	v.housekeep(ctx)
	return nil
}

// Close closes the vault after the calls under way have ended. Calls after it give ErrClosed.
func (v *Vault) Close() error { return v.kv.Close() }

// Depositor gives the side that seals.
func (v *Vault) Depositor() *Depositor { return &Depositor{v} }

// Directory gives the register of accounts, function addresses and bindings.
func (v *Vault) Directory() *Directory { return &Directory{v} }

// Outbox gives the queue of notices.
func (v *Vault) Outbox() *Outbox { return v.outbox }

// Audit gives the audit log.
func (v *Vault) Audit() *AuditLog { return &AuditLog{v} }

func (v *Vault) staffOwner(a policy.Address) owner {
	return v.lookup.Digest("owner", []byte("address"), []byte(a.Key()))
}

func (v *Vault) personOwner(digits string) owner {
	return v.lookup.Digest("owner", []byte("person"), []byte(digits))
}

// newMessageID is a UUID version 7 (RFC 9562 section 5.7) less its version bits: 48 bits of milliseconds, so that the
// vault grows at one end, and 80 random bits.
func newMessageID(now time.Time) (id MessageID) {
	ms := uint64(now.UnixMilli())
	copy(id[:6], be64(ms<<16))
	rand.Read(id[6:])
	return id
}
