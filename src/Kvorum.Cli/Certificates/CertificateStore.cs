using System.Security.Cryptography.X509Certificates;
using Kvorum.Cli.CommandLine;
using Kvorum.Server.Certificates;

namespace Kvorum.Cli.Certificates;

/// <summary>
/// The folder where an operator keeps the CA and what it has signed. Keys are readable by their owner only,
/// and no file is ever overwritten but the list of revoked certificates, which is replaced in one step.
/// </summary>
/// <param name="folder">The folder.</param>
internal sealed class CertificateStore(string folder)
{
    /// <summary>The name of the CA's files.</summary>
    public const string AuthorityName = "ca";

    /// <summary>The list of revoked certificates.</summary>
    public string ListPath => Path.Combine(folder, AuthorityName + ".crl");

    /// <summary>Where a certificate is.</summary>
    public string CertificatePath(string name) => Path.Combine(folder, name + ".crt");

    /// <summary>Where its key is.</summary>
    public string KeyPath(string name) => Path.Combine(folder, name + ".key");

    /// <summary>Writes a certificate and its key; neither may be there.</summary>
    public void Write(string name, X509Certificate2 made)
    {
        using var key = made.GetECDsaPrivateKey()!;
        var (certificate, secret) = (CertificatePath(name), KeyPath(name));
        foreach (var path in new[] { certificate, secret }.Where(Path.Exists))
            throw new CommandException($"{path} is there already, and is not overwritten", ExitCode.NotOk);
        try
        {
            MakeFolder();
            Create(secret, key.ExportPkcs8PrivateKeyPem() + "\n", isSecret: true);
            Create(certificate, made.ExportCertificatePem() + "\n", isSecret: false);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new CommandException(e.Message, ExitCode.NotOk);
        }
    }

    /// <summary>The CA, with its key.</summary>
    public X509Certificate2 Authority() => Read(CertificatePath(AuthorityName), certificate =>
        Read(KeyPath(AuthorityName), key => CertificateFiles.WithKey(
            CertificateFiles.Certificates(certificate)[0], key)));

    /// <summary>The list of revoked certificates; null if there is none.</summary>
    public RevocationList? List(X509Certificate2 authority) => !File.Exists(ListPath) ? null
        : Read(ListPath, bytes => CertificateFiles.Lists(bytes, [authority])[0]);

    /// <summary>The text of the CA's certificate, and of its list, if there is one.</summary>
    public (string Authorities, string List) Believed() =>
        (Read(CertificatePath(AuthorityName), System.Text.Encoding.ASCII.GetString),
            File.Exists(ListPath) ? Read(ListPath, System.Text.Encoding.ASCII.GetString) : "");

    /// <summary>Writes a secret into a file that is not there yet, for its owner only.</summary>
    public static void WriteSecret(string path, string secret)
    {
        try
        {
            Create(path, secret + "\n", isSecret: true);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new CommandException(e.Message, ExitCode.NotOk);
        }
    }

    /// <summary>Replaces the list.</summary>
    public void WriteList(byte[] der)
    {
        var part = ListPath + ".part";
        try
        {
            File.Delete(part);
            Create(part, CertificateFiles.ListPem(der), isSecret: false);
            File.Move(part, ListPath, overwrite: true);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new CommandException(e.Message, ExitCode.NotOk);
        }
    }

    /// <summary>What a file means; <see cref="CommandException"/> if it cannot be used.</summary>
    public static T Read<T>(string path, Func<byte[], T> read)
    {
        try
        {
            return read(File.ReadAllBytes(path));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new CommandException(
                $"{e.Message} (--dir says where the files of the CA are; kvorum cert ca makes one)",
                ExitCode.NotOk);
        }
        catch (FormatException e)
        {
            throw new CommandException($"{path} cannot be used: {e.Message}", ExitCode.NotOk);
        }
    }

    private void MakeFolder()
    {
        if (OperatingSystem.IsWindows())
            Directory.CreateDirectory(folder);
        else
            Directory.CreateDirectory(
                folder, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
    }

    private static void Create(string path, string text, bool isSecret)
    {
        var options = new FileStreamOptions { Mode = FileMode.CreateNew, Access = FileAccess.Write };
        if (!OperatingSystem.IsWindows())
        {
            options.UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite
                | (isSecret ? UnixFileMode.None : UnixFileMode.GroupRead | UnixFileMode.OtherRead);
        }

        using var file = new FileStream(path, options);
        file.Write(System.Text.Encoding.ASCII.GetBytes(text));
        file.Flush(flushToDisk: true);
    }
}
