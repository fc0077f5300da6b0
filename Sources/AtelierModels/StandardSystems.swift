public import AtelierCore

extension SystemRegistry {
  /// Every system of Atelier, one line each, in the order of the documentation.
  public static var standard: SystemRegistry {
    SystemRegistry([
      GAN.self,
      ConditionalGAN.self,
      DCGAN.self,
      LSGAN.self,
      WGANGP.self,
      ACGAN.self,
      Autoencoder.self,
      VariationalAutoencoder.self,
      ConditionalVAE.self,
      RNNLanguageModel.self,
      Pix2Pix.self,
      CycleGAN.self,
      Pix2PixHD.self,
      SRResNet.self,
      SRGAN.self,
      ESRGAN.self,
      FastStyleTransfer.self,
      NeuralStyle.self,
      BigGAN.self,
      ICGAN.self,
      SPADE.self,
      OASIS.self,
      SEAN.self,
      UNIT.self,
      MUNIT.self,
      FUNIT.self,
      ImageTagging.self,
      DALLE.self,
      Seq2Seq.self,
      Transformer.self,
      AudioSuperResolution.self,
      SpeakerEncoder.self,
      Vocoder.self,
      StarGANVC.self,
      CycleGANVC2.self,
      AutoVC.self,
      DeepfakeDetection.self,
      GPT.self,
      ELECTRA.self,
      FirstOrderMotion.self,
    ])
  }
}
