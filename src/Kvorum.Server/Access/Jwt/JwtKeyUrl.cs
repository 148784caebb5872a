using System.Net;

namespace Kvorum.Server.Access.Jwt;

/// <summary>
/// Fetches a JWKS from its URL: within a time and a size, without cookies, and not from elsewhere if it is
/// sent there.
/// </summary>
internal sealed class JwtKeyUrl(Uri url, TimeProvider time) : IDisposable
{
    /// <summary>How long an answer may take, to its last byte.</summary>
    public static readonly TimeSpan TimeMax = TimeSpan.FromSeconds(5);

    private readonly HttpClient _http = new(
        new SocketsHttpHandler
        {
            AllowAutoRedirect = false,
            UseCookies = false,
            UseProxy = !JwtOptions.IsLoopback(url),
            // In KiB.
            MaxResponseHeadersLength = 16,
            // Fetches are minutes apart: addresses may have changed.
            PooledConnectionLifetime = TimeSpan.FromMinutes(1),
        })
    {
        MaxResponseContentBufferSize = JwtKeySet.BytesMax,
        // The time limit is that of the clock below.
        Timeout = Timeout.InfiniteTimeSpan,
    };

    /// <summary>What is there; <see cref="IOException"/> says why that cannot be had.</summary>
    public async Task<byte[]> Read(CancellationToken cancel)
    {
        using var limit = new CancellationTokenSource(TimeMax, time);
        using var both = CancellationTokenSource.CreateLinkedTokenSource(limit.Token, cancel);
        try
        {
            using var answer = await _http.GetAsync(url, both.Token).ConfigureAwait(false);
            var status = (int)answer.StatusCode;
            return answer.StatusCode == HttpStatusCode.OK
                ? await answer.Content.ReadAsByteArrayAsync(both.Token).ConfigureAwait(false)
                : throw new IOException($"it answers {status}"
                    + (status is >= 300 and < 400 ? ", and redirections are not followed" : ""));
        }
        catch (OperationCanceledException) when (!cancel.IsCancellationRequested)
        {
            throw new IOException($"it has not answered within {TimeMax.TotalSeconds} s");
        }
        catch (HttpRequestException e)
        {
            throw new IOException(e.HttpRequestError == HttpRequestError.ConfigurationLimitExceeded
                ? $"it answers with more than {JwtKeySet.BytesMax} bytes, or long headers"
                : PlainText.Of(e.InnerException?.Message ?? e.Message, 200));
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _http.Dispose();
}
