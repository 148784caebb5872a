// Closed-loop load over gRPC from Go, for etcd 3.4 on Debian's packaged client and for Kvorum on the stock gRPC library
// with the code that protoc makes of proto/kvorum/v1/kv.proto (GOPATH mode). Prints one JSON object:
// {"ops":..., "errors":..., "p50_ms":..., "p99_ms":..., "p999_ms":...}, ops counted per second.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"math/rand"
	"os"
	"sort"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"go.etcd.io/etcd/clientv3"
	"google.golang.org/grpc"
	"kvorum/v1"
)

var (
	system    = flag.String("system", "etcd", "etcd or kvorum")
	endpoints = flag.String("endpoints", "127.0.0.1:2379", "comma-separated; connections are spread over them")
	mode      = flag.String("mode", "put", "put (new keys), put-random, get (linearizable) or fill (keys 1 to -keys)")
	conns     = flag.Int("conns", 8, "connections")
	clients   = flag.Int("clients", 64, "callers, spread over the connections; each waits for its answer")
	seconds   = flag.Float64("seconds", 5, "counted seconds")
	warm      = flag.Float64("warm", 1, "seconds before counting")
	valueSize = flag.Int("value-size", 256, "bytes")
	keys      = flag.Uint64("keys", 100000, "keys that gets draw from")
)

// One connection to one of the two systems.
type store interface {
	put(ctx context.Context, key string, value []byte) error
	get(ctx context.Context, key string) error
}

type etcdStore struct{ client *clientv3.Client }

func (s etcdStore) put(ctx context.Context, key string, value []byte) error {
	_, err := s.client.Put(ctx, key, string(value))
	return err
}

func (s etcdStore) get(ctx context.Context, key string) error {
	_, err := s.client.Get(ctx, key)
	return err
}

type kvorumStore struct{ client kvorumv1.KVClient }

func (s kvorumStore) put(ctx context.Context, key string, value []byte) error {
	_, err := s.client.Put(ctx, &kvorumv1.PutRequest{Key: []byte(key), Value: value})
	return err
}

func (s kvorumStore) get(ctx context.Context, key string) error {
	reply, err := s.client.Get(ctx, &kvorumv1.GetRequest{Key: []byte(key)})
	if err == nil && !reply.Found {
		err = errors.New("not found")
	}
	return err
}

func connect(endpoint string) (store, error) {
	if *system == "kvorum" {
		connection, err := grpc.Dial(endpoint, grpc.WithInsecure(), grpc.WithBlock(), grpc.WithTimeout(5*time.Second))
		return kvorumStore{kvorumv1.NewKVClient(connection)}, err
	}
	client, err := clientv3.New(clientv3.Config{Endpoints: []string{endpoint}, DialTimeout: 5 * time.Second})
	return etcdStore{client}, err
}

func key(n uint64) string { return fmt.Sprintf("%016x", n) }

func main() {
	flag.Parse()
	eps := strings.Split(*endpoints, ",")
	stores := make([]store, *conns)
	for i := range stores {
		s, err := connect(eps[i%len(eps)])
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		stores[i] = s
	}

	value := []byte(strings.Repeat("v", *valueSize))
	begin := time.Now()
	from := begin.Add(time.Duration(*warm * float64(time.Second)))
	until := from.Add(time.Duration(*seconds * float64(time.Second)))
	ctx, cancel := context.WithDeadline(context.Background(), until.Add(10*time.Second))
	defer cancel()
	var seq uint64
	if *mode == "put" { // a range of new keys for each run, in sequence
		seq = uint64(begin.UnixNano())
	}
	latencies := make([][]float64, *clients)
	var errors int64
	var wg sync.WaitGroup
	for i := 0; i < *clients; i++ {
		wg.Add(1)
		go func(i int) {
			defer wg.Done()
			s := stores[i%len(stores)]
			random := rand.New(rand.NewSource(int64(i) + begin.UnixNano()))
			for {
				sent := time.Now()
				if sent.After(until) {
					return
				}
				var err error
				switch *mode {
				case "get":
					err = s.get(ctx, key(1+uint64(random.Int63())%*keys))
				case "put-random":
					err = s.put(ctx, key(random.Uint64()), value)
				default:
					n := atomic.AddUint64(&seq, 1)
					if *mode == "fill" && n > *keys {
						return
					}
					err = s.put(ctx, key(n), value)
				}
				done := time.Now()
				if !done.After(from) || done.After(until) {
					continue
				}
				if err != nil {
					atomic.AddInt64(&errors, 1)
				} else {
					latencies[i] = append(latencies[i], done.Sub(sent).Seconds()*1e3)
				}
			}
		}(i)
	}
	wg.Wait()

	var all []float64
	for _, l := range latencies {
		all = append(all, l...)
	}
	sort.Float64s(all)
	p := func(q float64) float64 {
		if len(all) == 0 {
			return 0
		}
		return all[int(float64(len(all)-1)*q)]
	}
	fmt.Printf("{\"ops\":%.0f,\"errors\":%d,\"p50_ms\":%.3f,\"p99_ms\":%.3f,\"p999_ms\":%.3f}\n",
		float64(len(all))/(*seconds), errors, p(.5), p(.99), p(.999))
}
