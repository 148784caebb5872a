using System.Buffers.Binary;
using System.Collections.Concurrent;
using Kvorum.Storage.Lsm.Trees;

namespace Kvorum.Tests.Storage.Lsm.Trees;

public class TreeConcurrencyTests
{
    private const int Keys = 500;
    private const int Rounds = 2000;

    [Fact]
    public void Readers_see_whole_batches_while_the_writer_writes()
    {
        var failures = new ConcurrentQueue<string>();
        using var tree = TestTrees.Open(new CrashFileSystem());
        using var jobs = new BlockingCollection<Action>();
        var lane = new Thread(() => RunJobs(jobs, failures));
        CheckpointJob? checkpoint = null;
        CompactionJob? compaction = null;
        using var views = new BlockingCollection<ReadView>(boundedCapacity: 4);
        var doneJobs = 0;
        Thread[] readers = [new(() => ReadLive(tree, failures)), new(() => ReadViews(views, failures)), lane];
        foreach (var reader in readers)
            reader.Start();

        var batch = new WriteBatch();
        for (var round = 1; round <= Rounds; round++)
        {
            batch.Clear();
            // The keys of a round change together; others come and go, so that nodes split and join.
            for (var key = 0; key < Keys; key += 50)
                batch.Put(Key(key), Number(round));
            for (var i = 0; i < 20; i++)
            {
                var passing = Key(Keys + (round / 40 % 2 * 20 + i) * 7919 % 1000);
                if (round / 20 % 2 == 0)
                    batch.Put(passing, Number(round));
                else
                    batch.Delete(passing);
            }

            tree.Write(batch, (ulong)round);
            // Flushes and compactions go on beside it, on a thread of their own.
            if (checkpoint is null && compaction is null && round % 10 == 0)
            {
                compaction = round % 20 == 0 ? tree.PickCompaction() : null;
                checkpoint = compaction is null ? tree.BeginCheckpoint(default) : null;
                var flush = checkpoint;
                var merge = compaction;
                Volatile.Write(ref doneJobs, 0);
                jobs.Add(() =>
                {
                    flush?.Write();
                    merge?.Run();
                    Volatile.Write(ref doneJobs, 1);
                }, TestContext.Current.CancellationToken);
            }
            else if (Volatile.Read(ref doneJobs) != 0)
            {
                checkpoint?.Complete();
                compaction?.Complete();
                (checkpoint, compaction) = (null, null);
                Volatile.Write(ref doneJobs, 0);
            }

            if (round % 20 == 0)
                views.Add(tree.OpenView(), TestContext.Current.CancellationToken);
        }

        views.CompleteAdding();
        jobs.CompleteAdding();
        foreach (var reader in readers)
            Assert.True(reader.Join(TimeSpan.FromSeconds(60)));
        Assert.Empty(failures);
        Assert.NotEmpty(tree.Levels.Where((level, at) => at > 0 && level.Tables > 0));
    }

    private static void RunJobs(BlockingCollection<Action> jobs, ConcurrentQueue<string> failures)
    {
        foreach (var job in jobs.GetConsumingEnumerable())
        {
            try
            {
                job();
            }
            catch (IOException error)
            {
                failures.Enqueue(error.Message);
            }
        }
    }

    // A later key read later is never from an older round.
    private static void ReadLive(Tree tree, ConcurrentQueue<string> failures)
    {
        long newest = 0;
        while (newest < Rounds && failures.IsEmpty)
        {
            var applied = tree.AppliedIndex;
            for (var key = 0; key < Keys; key += 50)
            {
                if (!tree.TryGet(Key(key), out var value))
                    continue;
                var round = BinaryPrimitives.ReadInt64BigEndian(value.Span);
                if (round < newest || round < (long)applied)
                    failures.Enqueue($"key {key} has round {round} after round {newest}, applied {applied}");
                newest = round;
            }
        }
    }

    private static void ReadViews(BlockingCollection<ReadView> views, ConcurrentQueue<string> failures)
    {
        foreach (var view in views.GetConsumingEnumerable())
        {
            using (view)
            {
                ulong[] rounds = [.. view.Scan(Key(0), Key(Keys))
                    .Select(pair => BinaryPrimitives.ReadUInt64BigEndian(pair.Value.Span))];
                if (rounds.Any(round => round != view.AppliedIndex) || rounds.Length != Keys / 50)
                    failures.Enqueue($"the view of {view.AppliedIndex} holds {string.Join(' ', rounds)}");
            }
        }
    }

    private static byte[] Key(int key) => TestBytes.Of($"{key:D8}");

    private static byte[] Number(long number)
    {
        var bytes = new byte[8];
        BinaryPrimitives.WriteInt64BigEndian(bytes, number);
        return bytes;
    }
}
