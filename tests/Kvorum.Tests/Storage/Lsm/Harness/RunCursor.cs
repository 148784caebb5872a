using Kvorum.Storage.Lsm;

namespace Kvorum.Tests.Storage.Lsm.Harness;

/// <summary>A cursor over a list, as plain as can be.</summary>
internal sealed class RunCursor(List<Versioned> run) : Cursor
{
    private int _at = -1;

    public bool IsDisposed { get; private set; }

    public override bool IsValid => _at >= 0 && _at < run.Count;

    public override ReadOnlySpan<byte> Key => run[_at].Key;

    public override ulong Sequence => run[_at].Sequence;

    public override EntryKind Kind => run[_at].Kind;

    public override ReadOnlySpan<byte> Value => run[_at].Value;

    public override void SeekToFirst() => _at = 0;

    public override void SeekToLast() => _at = run.Count - 1;

    public override void Seek(ReadOnlySpan<byte> key, ulong sequence = ulong.MaxValue)
    {
        var sought = key.ToArray();
        _at = run.FindIndex(e => Versioned.Compare(e.Key, e.Sequence, sought, sequence) >= 0);
    }

    public override void SeekBefore(ReadOnlySpan<byte> key)
    {
        var sought = key.ToArray();
        _at = run.FindLastIndex(e => e.Key.AsSpan().SequenceCompareTo(sought) < 0);
    }

    public override void Next()
    {
        Assert.True(IsValid);
        _at++;
    }

    public override void Previous()
    {
        Assert.True(IsValid);
        _at--;
    }

    public override void Dispose() => IsDisposed = true;
}
