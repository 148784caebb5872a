using Kvorum.Protocol;

namespace Kvorum.Client;

/// <summary>
/// Who a program is towards a cluster that enforces rights: an API key (<c>kvorum user key</c>), or a JSON
/// Web Token. It is shown beside a certificate, see <see cref="KvorumTls"/>, and wins over it. On a plain
/// connection everybody on the way can read it. Immutable; for any number of clients.
/// </summary>
public sealed class KvorumCredential
{
    private readonly Func<CancellationToken, ValueTask<string>> _token;

    private KvorumCredential(Func<CancellationToken, ValueTask<string>> token) => _token = token;

    /// <summary>Always the same token. <see cref="ArgumentException"/> if it cannot be one.</summary>
    public static KvorumCredential FromToken(string token)
    {
        var whyNot = NativeCodec.WhyNoToken(token);
        return whyNot is null ? new(_ => ValueTask.FromResult(token)) : throw new ArgumentException(whyNot);
    }

    /// <summary>
    /// What the file says, without blanks around it: read for each connection, and again when a token is not
    /// accepted any more, so that another program may renew it.
    /// </summary>
    public static KvorumCredential FromFile(string path) => new(async cancelled =>
        (await File.ReadAllTextAsync(path, cancelled).ConfigureAwait(false)).Trim());

    /// <summary>
    /// What a function gives: asked for each connection, and again when a token is not accepted any more. Any
    /// thread, several at a time.
    /// </summary>
    public static KvorumCredential FromProvider(Func<CancellationToken, ValueTask<string>> provider) =>
        new(provider);

    /// <summary>The token; <see cref="IOException"/> with words if there is none.</summary>
    internal async ValueTask<string> TokenAsync(CancellationToken cancelled)
    {
        string token;
        try
        {
            token = await _token(cancelled).ConfigureAwait(false);
        }
#pragma warning disable CA1031 // the program's own function may throw whatever it likes
        catch (Exception e) when (e is not OperationCanceledException)
#pragma warning restore CA1031
        {
            throw new IOException($"there is no token to show: {e.Message}", e);
        }

        var whyNot = NativeCodec.WhyNoToken(token);
        return whyNot is null ? token : throw new IOException(whyNot);
    }
}
