using System.CommandLine;
using Kvorum.Cli.CommandLine;
using Kvorum.Client;

namespace Kvorum.Cli.Commands;

/// <summary>
/// How a command speaks TLS with a cluster. Each flag has an environment variable, which the profile may set
/// instead; an empty one counts as not set.
/// </summary>
internal sealed class TlsFlags
{
    private readonly Option<string> _authorities = File(
        "--tls-ca", "KVORUM_TLS_CA", "The cluster's CAs, in PEM: with them the connection is TLS.");

    private readonly Option<string> _certificate = File(
        "--tls-cert", "KVORUM_TLS_CERT", "The certificate to show to the nodes, in PEM.");

    private readonly Option<string> _key = File("--tls-key", "KVORUM_TLS_KEY", "Its private key, in PEM.");

    public void AddTo(Command command)
    {
        command.Options.Add(_authorities);
        command.Options.Add(_certificate);
        command.Options.Add(_key);
    }

    /// <summary>
    /// As the flags say; null for plain connections. <see cref="ArgumentException"/> if they make no sense,
    /// or a
    /// file cannot be used.
    /// </summary>
    public KvorumTls? Read(ParseResult parsed)
    {
        var (authorities, certificate, key) = (Given(_authorities), Given(_certificate), Given(_key));
        if (authorities is null)
        {
            return certificate is null && key is null ? null
                : throw new ArgumentException("--tls-ca is missing: a certificate is shown in TLS only");
        }

        return (certificate is null) == (key is null) ? KvorumTls.FromFiles(authorities, certificate, key)
            : throw new ArgumentException(
                $"{(key is null ? "--tls-key" : "--tls-cert")} is missing: certificate and key go together");

        string? Given(Option<string> option) => parsed.GetValue(option) is { Length: > 0 } path ? path : null;
    }

    private static Option<string> File(string name, string variable, string description) => new(name)
    {
        Description = $"{description} [env: {variable}]",
        HelpName = "file",
        DefaultValueFactory = _ => Profile.Get(variable) ?? "",
    };
}
