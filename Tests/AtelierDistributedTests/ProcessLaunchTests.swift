import AtelierDistributed
import Testing

@Suite struct ProcessLaunchTests {
  private let torchrun = [
    "RANK": "1", "WORLD_SIZE": "4", "LOCAL_RANK": "1", "MASTER_ADDR": "a.example", "MASTER_PORT": "4000",
  ]

  private func refusal(_ environment: [String: String]) -> String {
    do throws(ProcessError) {
      return "accepted: \(String(describing: try ProcessLaunch.current(environment)))"
    } catch { return error.description }
  }

  @Test func withoutVariablesTheProcessIsAlone() throws {
    #expect(try ProcessLaunch.current([:]) == nil)
    #expect(try ProcessLaunch.current(["RANK": "0", "WORLD_SIZE": "1"]) == nil)
    // A batch script of Slurm, which srun has not multiplied.
    #expect(try ProcessLaunch.current(["SLURM_PROCID": "0", "SLURM_NTASKS": "8"]) == nil)
  }

  @Test func torchrunsVariablesAreRead() throws {
    let launch = try ProcessLaunch.current(
      torchrun.merging(["TORCHELASTIC_USE_AGENT_STORE": "True", "TORCHELASTIC_RESTART_COUNT": "2"]) { $1 })
    #expect(
      launch
        == ProcessLaunch(
          rank: 1, count: 4, host: "a.example", port: 4000, launcherServesStore: true, restarts: 2))
  }

  @Test func openMPIsVariablesAreRead() throws {
    let own = [
      "OMPI_COMM_WORLD_RANK": "3", "OMPI_COMM_WORLD_SIZE": "4", "OMPI_COMM_WORLD_LOCAL_RANK": "1",
      "OMPI_COMM_WORLD_LOCAL_SIZE": "4",
    ]
    #expect(
      try ProcessLaunch.current(own)
        == ProcessLaunch(launcher: "mpirun", rank: 3, count: 4, localRank: 1, port: 29500))
    let several = own.merging(["OMPI_COMM_WORLD_LOCAL_SIZE": "2"]) { $1 }
    #expect(refusal(several).contains("mpirun -x MASTER_ADDR"))
  }

  @Test func slurmsFirstMachineServesTheStore() throws {
    let own = [
      "SLURM_PROCID": "0", "SLURM_STEP_NUM_TASKS": "2", "SLURM_LOCALID": "0", "SLURM_JOB_ID": "123456",
    ]
    for (list, first) in [
      ("gpu[03-05,09],login", "gpu03"), ("alone", "alone"), ("a,b[1-2]", "a"), ("rack[1,2]-x", "rack1-x"),
    ] {
      let launch = try ProcessLaunch.current(own.merging(["SLURM_STEP_NODELIST": list]) { $1 })
      #expect(launch?.host == first)
      #expect(launch?.port == 23456)
    }
  }

  @Test(
    arguments: [
      ("RANK", nil, "RANK is not set"), ("RANK", "4", "RANK is '4', and must be a number of 0 to 3"),
      ("WORLD_SIZE", "two", "WORLD_SIZE is 'two'"), ("MASTER_ADDR", nil, "MASTER_ADDR is not set"),
      ("MASTER_PORT", "70000", "MASTER_PORT is '70000'"), ("LOCAL_RANK", "-1", "LOCAL_RANK is '-1'"),
    ] as [(String, String?, String)])
  func aBadVariableIsNamed(name: String, value: String?, text: String) {
    var environment = torchrun
    environment[name] = value
    let found = refusal(environment)
    #expect(found.contains(text), "\(found)")
  }
}
