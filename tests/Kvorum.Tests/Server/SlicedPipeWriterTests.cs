using System.Buffers;
using System.IO.Pipelines;
using Google.Protobuf;
using Kvorum.Server;
using V1 = Kvorum.Server.Grpc.V1;

namespace Kvorum.Tests.Server;

/// <summary>Bodies of responses on their way to the web server.</summary>
public class SlicedPipeWriterTests
{
    /// <summary>
    /// A client had gone while its reply was written: the thread wrote for ever, and what the reply held was
    /// never given back.
    /// </summary>
    [Fact]
    public void A_message_for_a_client_that_has_gone_is_written_to_its_end()
    {
        var writer = new SlicedPipeWriter(new WriterOfGivenUp(), static _ => { });
        var message = new V1.GetResponse { Found = true, Value = ByteString.CopyFrom(new byte[200_000]) };
        message.WriteTo(writer);
        Assert.True(writer.HasSlices);
        for (var left = 10_000; left > 0; left--)
        {
            Assert.False(writer.GetSpan().IsEmpty);
            writer.Advance(1);
        }
    }

    /// <summary>As Kestrel's, once a stream was given up, over a pool that has arrays of any size.</summary>
    private sealed class WriterOfGivenUp : PipeWriter
    {
        private int _asked;

        public override Memory<byte> GetMemory(int sizeHint = 0)
        {
            Assert.True(++_asked < 100_000, "asked for ever");
            return ArrayPool<byte>.Shared.Rent(sizeHint);
        }

        public override Span<byte> GetSpan(int sizeHint = 0) => GetMemory(sizeHint).Span;

        public override void Advance(int bytes)
        {
        }

        public override void CancelPendingFlush()
        {
        }

        public override void Complete(Exception? exception = null)
        {
        }

        public override ValueTask<FlushResult> FlushAsync(CancellationToken cancellationToken = default) =>
            ValueTask.FromResult(new FlushResult(isCanceled: false, isCompleted: true));
    }
}
