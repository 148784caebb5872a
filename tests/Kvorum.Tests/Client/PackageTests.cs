using System.IO.Compression;
using System.Xml.Linq;
using Kvorum.Tests.Server;

namespace Kvorum.Tests.Client;

/// <summary>
/// The client in a project of one's own, as README.md says: its packages are whole, and a program that takes
/// them from a folder compiles, with nothing else to be had.
/// </summary>
public sealed class PackageTests : IDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(5);

    private readonly string _folder = Directory.CreateTempSubdirectory("kvorum-test-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public async Task The_packages_are_whole_and_a_program_compiles_with_them()
    {
        var packages = Path.Combine(_folder, "packages");
        foreach (var project in (string[])["Kvorum.Protocol", "Kvorum.Client"])
        {
            await Dotnet(
                ChildProcess.Root, "pack", $"src/{project}", "-c", "Release", "--no-build", "-o", packages);
            CheckMetadata(Assert.Single(Directory.GetFiles(packages, $"{project}.*.nupkg")), project);
        }

        var shop = Path.Combine(_folder, "shop");
        Directory.CreateDirectory(shop);
        await File.WriteAllTextAsync(Path.Combine(shop, "shop.csproj"), """
            <Project Sdk="Microsoft.NET.Sdk">
              <PropertyGroup>
                <OutputType>Exe</OutputType>
                <TargetFramework>net10.0</TargetFramework>
                <ImplicitUsings>enable</ImplicitUsings>
                <RestorePackagesPath>../taken</RestorePackagesPath>
              </PropertyGroup>
              <ItemGroup>
                <PackageReference Include="Kvorum.Client" Version="*" />
              </ItemGroup>
            </Project>
            """, TestContext.Current.CancellationToken);
        await File.WriteAllTextAsync(Path.Combine(shop, "nuget.config"), """
            <configuration>
              <packageSources>
                <clear />
                <add key="kvorum" value="../packages" />
              </packageSources>
            </configuration>
            """, TestContext.Current.CancellationToken);
        await File.WriteAllTextAsync(
            Path.Combine(shop, "Program.cs"), Example(), TestContext.Current.CancellationToken);
        await Dotnet(shop, "build", "-v", "quiet", "-nodeReuse:false", "-p:UseSharedCompilation=false");
        Assert.True(Directory.Exists(Path.Combine(_folder, "taken", "kvorum.protocol")));
    }

    private static void CheckMetadata(string package, string project)
    {
        using var zip = ZipFile.OpenRead(package);
        using var stream = zip.GetEntry($"{project}.nuspec")!.Open();
        var metadata = XDocument.Load(stream).Root!.Elements().First();
        string Value(string name) => metadata.Elements().First(one => one.Name.LocalName == name).Value;
        Assert.Equal(project, Value("id"));
        Assert.Equal("The Kvorum authors", Value("authors"));
        Assert.Equal("Apache-2.0", Value("license"));
        Assert.StartsWith(
            project == "Kvorum.Client" ? "Client of Kvorum" : "What Kvorum's", Value("description"),
            StringComparison.Ordinal);
        Assert.Equal("README.md", Value("readme"));
        Assert.NotNull(zip.GetEntry("README.md"));
        Assert.NotNull(zip.GetEntry($"lib/net10.0/{project}.dll"));
        Assert.NotNull(zip.GetEntry($"lib/net10.0/{project}.xml"));
    }

    // What the package's own page shows.
    private static string Example() => string.Join('\n', File
        .ReadAllLines(Path.Combine(ChildProcess.Root, "src/Kvorum.Client/README.md"))
        .SkipWhile(static line => line != "```csharp").Skip(1).TakeWhile(static line => line != "```"));

    private static Task<string> Dotnet(string folder, params string[] arguments) => ChildProcess.RunAsync(
        "dotnet", arguments, folder, "install the .NET 10 SDK", Patience);
}
