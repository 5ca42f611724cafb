package kv_test

const childEnv = "SIGILL_TEST_KV_CHILD"

func child(string) int { return 0 }
