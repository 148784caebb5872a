using System.Net;
using System.Net.Sockets;
using System.Text;

namespace Kvorum.Tests.Server.Access.Jwt;

/// <summary>An endpoint of keys that answers as a test says, one request a connection.</summary>
internal sealed class KeyEndpoint : IAsyncDisposable
{
    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private readonly CancellationTokenSource _end = new();
    private readonly Task _serving;
    private int _requests;

    public KeyEndpoint(string keys)
    {
        Answers = KeysAnswer(keys);
        _listener.Start();
        _serving = Serve();
    }

    /// <summary>What comes back; null: nothing, and the connection stays.</summary>
    public Func<NetworkStream, Task>? Answers { get; set; }

    public int Requests => Volatile.Read(ref _requests);

    public string Url => $"http://127.0.0.1:{((IPEndPoint)_listener.LocalEndpoint).Port}/jwks.json";

    public static Func<NetworkStream, Task> KeysAnswer(string keys) => Text(
        $"HTTP/1.1 200 OK\r\nContent-Length: {Encoding.UTF8.GetByteCount(keys)}\r\n"
        + $"Connection: close\r\n\r\n{keys}");

    public static Func<NetworkStream, Task> Text(string answer) =>
        async stream => await stream.WriteAsync(Encoding.UTF8.GetBytes(answer));

    public async ValueTask DisposeAsync()
    {
        await _end.CancelAsync();
        _listener.Stop();
        await _serving;
    }

    private async Task Serve()
    {
        List<Task> connections = [];
        try
        {
            while (true)
                connections.Add(Answer(await _listener.AcceptTcpClientAsync(_end.Token)));
        }
        catch (Exception e) when (e is OperationCanceledException or SocketException)
        {
            await Task.WhenAll(connections);
        }
    }

    private async Task Answer(TcpClient client)
    {
        using var mine = client;
        try
        {
            var stream = client.GetStream();
            var head = new StringBuilder();
            var bytes = new byte[4096];
            while (!head.ToString().Contains("\r\n\r\n", StringComparison.Ordinal))
            {
                var count = await stream.ReadAsync(bytes, _end.Token);
                if (count == 0)
                    return;
                head.Append(Encoding.ASCII.GetString(bytes, 0, count));
            }

            var answers = Answers;
            Interlocked.Increment(ref _requests);
            if (answers is null)
                await Task.Delay(Timeout.Infinite, _end.Token);
            else
                await answers(stream);
        }
        catch (Exception e) when (e is IOException or OperationCanceledException)
        {
            // The other side has had enough.
        }
    }
}
