package kv_test

import (
	"os"
	"path/filepath"
	"testing"

	"go.uber.org/goleak"

	"sigill/vault/internal/kv"
	"sigill/vault/internal/kv/kvtest"
)

func TestMain(m *testing.M) {
	if path := os.Getenv(childEnv); path != "" {
		os.Exit(child(path))
	}
	goleak.VerifyTestMain(m)
}

func TestBolt(t *testing.T) {
	t.Parallel()
	kvtest.Run(t, kvtest.Factory{New: func(t testing.TB) func() (kv.Engine, error) {
		dir, err := os.MkdirTemp(t.TempDir(), "")
		if err != nil {
			t.Fatal(err)
		}
		return func() (kv.Engine, error) { return kv.OpenBolt(filepath.Join(dir, "store"), kv.BoltOptions{}) }
	}})
}
