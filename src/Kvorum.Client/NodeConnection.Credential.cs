using Kvorum.Protocol;

namespace Kvorum.Client;

/// <summary>Who the program is, towards the node.</summary>
internal sealed partial class NodeConnection
{
    /// <summary>Calls that fail so soon after a token was shown anew were asked before.</summary>
    private const int RenewedMs = 1000;

    private string _token = "";
    private long _shownMs = long.MinValue / 2;

    /// <summary>Shows a token anew, if there is another one than before; false if there is none.</summary>
    public async ValueTask<bool> RenewAsync(KvorumCredential? credential, CancellationToken cancelled)
    {
        if (credential is null)
            return false;
        string token;
        try
        {
            token = await credential.TokenAsync(cancelled).ConfigureAwait(false);
        }
        catch (IOException)
        {
            // The refusal says more.
            return false;
        }

        lock (_gate)
        {
            if (_isClosed)
                return false;
            // Another call may have shown it meanwhile.
            if (token == _token)
                return Environment.TickCount64 - _shownMs <= RenewedMs;
            Show(token);
        }

        Flush();
        return true;
    }

    private void Show(string token)
    {
        NativeCodec.WriteCredential(_gathered, token);
        (_token, _shownMs) = (token, Environment.TickCount64);
    }
}
