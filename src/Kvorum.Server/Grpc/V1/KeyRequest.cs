using System.Buffers;
using Google.Protobuf;

namespace Kvorum.Server.Grpc.V1;

/// <summary>One request of a pipeline.</summary>
internal sealed partial class KeyRequest
{
    /// <summary>
    /// Which of its text fields is not UTF-8, and where: the request must be refused. Null if all are.
    /// </summary>
    internal string? TextProblem { get; private init; }

    /// <summary>A request that could not be read, with the id under which its error is told.</summary>
    internal static KeyRequest OfBadText(in ReadOnlySequence<byte> bytes, string problem)
    {
        var (input, id) = (new CodedInputStream(bytes.ToArray()), 0ul);
        while (input.ReadTag() is var tag and not 0)
        {
            if (tag == WireFormat.MakeTag(IdFieldNumber, WireFormat.WireType.Varint))
                id = input.ReadUInt64();
            else
                input.SkipLastField();
        }

        return new() { Id = id, TextProblem = problem };
    }
}
