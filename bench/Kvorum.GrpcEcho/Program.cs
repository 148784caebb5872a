using System.Net;
using Kvorum.GrpcEcho;
using Microsoft.AspNetCore.Server.Kestrel.Core;

// kvorum.v1.KV without a store, on the defaults of the library and the web server. Argument: the port.
var port = int.Parse(args[0]);
var builder = WebApplication.CreateSlimBuilder();
builder.Logging.ClearProviders();
builder.Services.AddGrpc();
builder.WebHost.ConfigureKestrel(kestrel => kestrel.Listen(
    IPAddress.Loopback, port, static listen => listen.Protocols = HttpProtocols.Http2));
var application = builder.Build();
application.MapGrpcService<EchoService>();
application.Run();
