using Kvorum.Verification;

namespace Kvorum.Tests.Verification.Harness;

/// <summary>Writes histories by hand: client, request and answer, in this order.</summary>
internal sealed class HistoryScript
{
    public History History { get; } = new();

    public Operation Get(int client = 1, string key = "x") =>
        History.Invoke(new(client, OperationKind.Get, key));

    public Operation Put(
        string value, int client = 1, ulong? ifVersion = null, bool previous = false, ulong request = 0) =>
        History.Invoke(new(client, OperationKind.Put, "x")
        {
            Value = value,
            IfVersion = ifVersion,
            ReturnsPrevious = previous,
            Request = request,
        });

    public Operation Delete(int client = 1, ulong? ifVersion = null, bool previous = false) =>
        History.Invoke(new(client, OperationKind.Delete, "x")
        {
            IfVersion = ifVersion,
            ReturnsPrevious = previous,
        });

    public Operation Add(long delta, int client = 1, ulong request = 0) =>
        History.Invoke(new(client, OperationKind.Add, "x") { Delta = delta, Request = request });

    /// <summary>The life of a value ends, here and now.</summary>
    public void Expires(string value, ulong version) => Ends(
        History.Invoke(new(0, OperationKind.Expire, "x") { Value = value, OfVersion = version }),
        Outcome.Written());

    public void Ends(Operation operation, Outcome outcome) => History.Complete(operation, outcome);

    /// <summary>Reads and gets the answer at once.</summary>
    public void Reads(string? value, ulong? version = null) =>
        Ends(Get(), value is null ? Outcome.Absent : Outcome.Found(value, version));

    /// <summary>Writes and gets the answer at once.</summary>
    public void Writes(string value, ulong? version = null) => Ends(Put(value), Outcome.Written(version));

    /// <summary>Writes and never hears what became of it.</summary>
    public void WritesInVain(string value) => Ends(Put(value), Outcome.Unknown);
}
