// Tests of the store use the simulator's disk: there is one model of what a crash leaves, not two.
global using CrashFileSystem = Kvorum.Simulator.Disks.SimulatedDisk;
